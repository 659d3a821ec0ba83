"""Copies of executed notebooks that people open and edit: one for an attempt, where they can see it.

The stored copy never changes. The opened one lies beside the notebook's source, and a note in the
workspace says which attempt it is of, so that every host finds it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.executions.model import Execution, TaskRun
from flowbook.kernels import journal
from flowbook.kernels.notebook import Document, NotANotebook, load, write
from flowbook.plugin.jupyter.found import REMOTE

if TYPE_CHECKING:
    from .workspace import Workspace


def source_of(workspace: Workspace, document: Document) -> tuple[str, Path | None]:
    """What an executed copy names as its source, and the file, if it is one of the workspace."""
    shown = str(document["metadata"].get("flowbook", {}).get("source", ""))
    root = workspace.place.root.resolve()
    path = (root / shown).resolve()
    if not shown or shown.startswith(REMOTE) or not path.is_file():
        return shown, None
    return shown, path


def known(workspace: Workspace, run: TaskRun) -> Path | None:
    """The opened copy of a task run's latest attempt, if there is one."""
    note = _note(workspace, run)
    try:
        path = Path(json.loads(note.read_text())["path"])
    except (OSError, ValueError, KeyError):
        return None
    return path if path.is_file() else None


def made(
    workspace: Workspace, execution: Execution, run: TaskRun, stored: Path, root: Path | None
) -> Path:
    """The opened copy of a task run's latest attempt, made if need be; below `root`, if given."""
    if (path := known(workspace, run)) is not None and _is_below(path, root):
        return path
    document = load(stored).document
    shown, source = source_of(workspace, document)
    name = Path(shown or stored.name)
    base = root or workspace.place.root
    folder = source.parent if source is not None and _is_below(source, base) else base
    stem = f"{name.stem}-{execution.id[:6]}"
    path = folder / journal.name_of_attempt(f"{stem}.ipynb", len(run.attempts))
    if path.exists():  # of another task run, or a person's own
        path = path.with_name(f"{path.stem}-{run.id}.ipynb")
    write(document, path)
    note = _note(workspace, run)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"path": str(path), "execution": execution.id}))
    return path


def read(path: Path) -> Document | None:
    """An opened copy as it is now; `None` if it can't be read."""
    try:
        return load(path).document
    except (OSError, NotANotebook):
        return None


def forget(workspace: Workspace, executions: Collection[str]) -> None:
    """Drop the notes on copies of executions; the copies are people's own."""
    for note in (workspace.place.internal / "opened").glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            if json.loads(note.read_text())["execution"] in executions:
                note.unlink()


def _note(workspace: Workspace, run: TaskRun) -> Path:
    return workspace.place.internal / "opened" / f"{run.id}-{len(run.attempts)}.json"


def _is_below(path: Path, root: Path | None) -> bool:
    return root is None or path.resolve().is_relative_to(root.resolve())
