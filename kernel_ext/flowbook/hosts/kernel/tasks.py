"""`%%task`: a cell that is run now and kept as a task of a flow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowInvalid

from . import arguments
from .cell import NAME, start

if TYPE_CHECKING:
    from flowbook.flows.cell_flow import CellFlow
    from flowbook.flows.model import Flow

    from .magics import FlowMagics

CELL = "flowbook.jupyter.Cell"


def run_task(magics: FlowMagics, line: str, code: str) -> Any:
    """Put a cell into its flow and run it. Raises: UsageError, FlowbookError, RunEnded."""
    from IPython.core.error import UsageError

    from flowbook.flows.cell_flow import NewCell, with_cell

    variable, rest = arguments.assigned(line)
    given = arguments.parse("%%task", rest)
    if given is None:
        print(arguments.usage("%%task"))
        return None
    if not code.strip():
        raise UsageError("There is nothing to run below %%task: write the cell's code there")
    cell = NewCell(
        id=_id(given.id),
        code=code,
        outputs=tuple(_names(given.outputs, "--outputs")),
        after=None if given.after is None else tuple(_split(given.after)),
        instead=given.instead,
    )
    uid = uid_of(magics, given.flow)
    newest = newest_of(magics, *uid)
    made = with_cell(None if newest is None else newest["source"], uid, cell)
    flow = _parsed(made.text, uid)
    if not given.quiet:
        _tell(magics, flow.uid, made, cell.id)
    running = arguments.parse("run", flow.uid)
    assert running is not None
    running.only, running.quiet, running.out = [cell.id], given.quiet, given.out or variable
    return start(magics, flow, running)


def newest_of(magics: FlowMagics, namespace: str, flow_id: str) -> Mapping[str, Any] | None:
    """The newest revision of a flow, drafts included."""
    ws = magics.ws
    rows: list[dict[str, Any]] = ws.portal.call(
        ws.engine.store.query("latest_revision", namespace=namespace, flow_id=flow_id)
    )
    return rows[0] if rows and not rows[0].get("deleted") else None


def newest_cells(magics: FlowMagics, flow: Flow | str) -> Flow | str:
    """A flow of cells as its cells are now, deployed or not; any other flow as it is."""
    if not isinstance(flow, str):
        return flow
    namespace, _, flow_id = flow.rpartition(".")
    newest = newest_of(magics, namespace, flow_id)
    if newest is None or not newest["draft"] or CELL not in newest["source"]:
        return flow
    if not magics.ws.portal.call(magics.ws.engine.flows.load(namespace, flow_id))[1]["draft"]:
        print(
            f"The cells as they are now, not as deployed: '%flow deploy {flow}' makes them count."
        )
    return magics.ws.flow(flow, int(newest["revision"]))


def warn(magics: FlowMagics, flow: Flow | str) -> None:
    """Say which names the cells of a flow read that none of them defines."""
    from flowbook.flows.cell_flow import cells_of

    found = magics.ws.flow(flow) if isinstance(flow, str) else flow
    if CELL in found.source:
        for cell, names in cells_of(found.source).undefined.items():
            _undefined(magics, found.uid, cell, names)


def _tell(magics: FlowMagics, uid: str, made: CellFlow, cell: str) -> None:
    """The edges of a cell, each with its reason, and what it lacks."""
    edges = [edge for edge in made.order.edges if cell in (edge.before, edge.after)]
    print(f"{uid}: {cell}" if not edges else "\n".join(f"{uid}: {edge}" for edge in edges))
    _undefined(magics, uid, cell, made.order.undefined.get(cell, ()))


def _undefined(magics: FlowMagics, uid: str, cell: str, names: Iterable[str]) -> None:
    for name in names:
        elsewhere = (
            "; this notebook does, but elsewhere it will be missing"
            if name in magics.shell.user_ns
            else ""
        )
        print(f"Warning: no task of {uid} defines '{name}', which {cell} reads{elsewhere}.")


def _parsed(text: str, uid: tuple[str, str]) -> Flow:
    from flowbook.flows.parse import parse_all

    [(flow, problems)] = parse_all(text, ".".join(uid), namespace=uid[0], folder=Path.cwd())
    if flow is None:
        raise FlowInvalid(problems, name=NAME, text=text)
    return flow


def uid_of(magics: FlowMagics, name: str | None) -> tuple[str, str]:
    """Namespace and id of the flow that a cell belongs to: the notebook's own unless one is named."""
    if name is not None:
        namespace, _, flow_id = name.rpartition(".")
        return namespace or magics.namespace, flow_id
    from IPython.core.error import UsageError

    from flowbook.engine.notebook_flow import slug

    if (notebook := _notebook(magics.shell.user_ns)) is None:
        raise UsageError(
            "flowbook can't tell what this notebook is called: name a flow with --flow ID"
        )
    return magics.namespace, slug(Path(notebook).stem)


def _notebook(names: Mapping[str, Any]) -> str | None:
    """The notebook's file as its front end tells the kernel: VS Code, then JupyterLab."""
    for known in (names.get("__vsc_ipynb_file__"), names.get("__session__")):
        if isinstance(known, str) and known:
            return known
    return os.environ.get("JPY_SESSION_NAME") or None


def _id(text: str) -> str:
    from IPython.core.error import UsageError

    from flowbook.kinds.task import TASK_ID

    if not re.fullmatch(TASK_ID.removesuffix("$"), text):
        raise UsageError(f"'{text}' can't be a task's id: letters, digits, - and _ only")
    return text


def _split(words: Sequence[str] | None) -> list[str]:
    """`a,b c` as three names."""
    return [name for word in words or () for name in word.split(",") if name]


def _names(words: Sequence[str] | None, option: str) -> list[str]:
    from IPython.core.error import UsageError

    found = _split(words)
    for name in found:
        if not name.isidentifier():
            raise UsageError(f"{option} takes names of variables, but got '{name}'")
    return found
