"""A workspace as people type it: `ws = fb.open()`, `run = ws.run(…)`, `run["task"].outputs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .outputs import Outputs
from .pairs import Pairs
from .run import Run
from .task_run import TaskRun
from .workspace import Workspace

if TYPE_CHECKING:
    from flowbook.clock import Clock


def open(
    path: str | Path | None = None,
    *,
    embedded: bool = False,
    kind: str = "script",
    clock: Clock | None = None,
) -> Workspace:
    """Open a workspace: of a folder, else `FLOWBOOK_HOME`, else the nearest one, else here.

    `embedded` holds the history in this process, for tests. Raises `WorkspaceError`.
    """
    return Workspace(path, embedded=embedded, kind=kind, clock=clock)


__all__ = ["Outputs", "Pairs", "Run", "TaskRun", "Workspace", "open"]
