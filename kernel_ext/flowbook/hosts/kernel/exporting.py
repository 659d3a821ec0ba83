"""`%flow export`: the newest text of a flow as a file, and a flow of cells as a notebook beside it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, NotFound

from .tasks import newest_of

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.plugin.jupyter.cell import Cell

    from .magics import FlowMagics


def export(magics: FlowMagics, given: Namespace) -> None:
    """Write a flow's files. Raises: NotFound, Conflict for a file that says something else."""
    from .named import wanted_id

    uid = wanted_id(magics, given.flow)
    namespace, _, flow_id = uid.rpartition(".")
    newest = newest_of(magics, namespace, flow_id)
    if newest is None:
        raise NotFound(f"There is no flow '{uid}'.")
    flow = magics.ws.flow(uid, int(newest["revision"]))
    path = _path(magics, given.path, flow_id)
    files = {path: newest["source"]}
    cells = _cells(flow)
    if cells:
        files[path.with_suffix(".ipynb")] = json.dumps(notebook(flow, cells), indent=1) + "\n"
    _refuse_other(files, force=given.force)
    from flowbook.engine.notebook_flow import written

    for file, text in files.items():
        written(file, text)
        print(f"Wrote {_shown(file)}")
    print(f"Deploy it with: %flow deploy {_shown(path)}")


def notebook(flow: Flow, cells: Sequence[Cell]) -> dict[str, Any]:
    """Cells as a notebook that does the same from top to bottom, and hands on the same names."""
    made = [
        _markdown("title", f"# {flow.id}" + (f"\n\n{flow.description}" if flow.description else ""))
    ]
    for cell in cells:
        made.append(_code(cell.id, cell.code, task=cell.id, after=list(cell.after)))
    if names := list(dict.fromkeys(name for cell in cells for name in cell.outputs)):
        given = ", ".join(f"{name}={name}" for name in names)
        made.append(_code("outputs", f"import flowbook as fb\n\nfb.outputs({given})"))
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    metadata = {"kernelspec": kernel, "flowbook": {"flow": flow.uid}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


def _cells(flow: Flow) -> list[Cell]:
    """The cells of a flow that consists of Python cells; none of any other."""
    from flowbook.plugin.jupyter.cell import Cell

    cells = [task for task in flow.tasks if isinstance(task, Cell) and task.language == "python"]
    return cells if len(cells) == len(flow.tasks) else []


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text.splitlines(True)}


def _code(name: str, text: str, **said: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name[:64],
        "metadata": {"flowbook": said} if said else {},
        "source": text.rstrip("\n").splitlines(True),
        "outputs": [],
        "execution_count": None,
    }


def _path(magics: FlowMagics, given: str | None, flow_id: str) -> Path:
    if given is None:
        return magics.ws.root / "flows" / f"{flow_id}.yaml"
    path = Path(given).expanduser()
    if path.is_dir():
        return path / f"{flow_id}.yaml"
    return path if path.suffix in (".yaml", ".yml") else path.with_suffix(".yaml")


def _refuse_other(files: dict[Path, str], *, force: bool) -> None:
    there = [
        path for path, text in files.items() if path.exists() and path.read_text("utf-8") != text
    ]
    if there and not force:
        names = " and ".join(_shown(path) for path in there)
        raise Conflict(
            f"There is something else in {names} already: name another path, or use --force"
        )


def _shown(path: Path) -> str:
    """A path as short as it can be said here."""
    here = Path.cwd()
    full = path.resolve()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)
