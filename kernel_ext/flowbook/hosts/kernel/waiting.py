"""Waiting for a run in a cell: shown as it goes, ended by Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError

if TYPE_CHECKING:
    from .display import RunDisplay
    from .main_thread import MainThread

INTERVAL = 0.1
"""Seconds between two moments that are shown."""
TWICE = 2.0
"""Seconds within which a second Ctrl-C stops the waiting itself."""


class RunEnded(FlowbookError):
    """A run that a cell waited for didn't succeed: one line, and the cells below don't run."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def wait(workspace: Any, run: Any, display: RunDisplay | None, here: MainThread) -> Any:
    """The run as it ended, or the last one in its place; its cells run here meanwhile. Ctrl-C kills it and
    waits for that; twice, nothing is waited for.

    Raises: KeyboardInterrupt after the second Ctrl-C.
    """
    from .background import follow

    interrupted: float | None = None
    shown = False
    try:
        while True:
            try:
                if not shown:  # Ctrl-C may come with the first picture
                    follow(workspace, run, display, here.over)
                    shown = True
                if interrupted is not None:
                    kill(workspace, run.last.id)
                here.serve()
                break
            except KeyboardInterrupt:
                now = time.monotonic()
                if interrupted is not None and now - interrupted < TWICE:
                    print(
                        f"Not waiting any longer. '%flow show {run.id[:6]}' shows what became of it."
                    )
                    raise
                interrupted = now
    finally:
        here.close()
        leave(workspace, run.id, here)
    ended = run.final
    if display is not None and (display.view is None or not display.view.is_over):
        display.show(workspace.view(ended))
    return ended


def leave(workspace: Any, run_id: str, here: MainThread) -> None:
    """Have the cells of an execution run here no longer."""
    places = workspace.engine.code_places
    if places.get((run_id, "python")) is here:
        del places[run_id, "python"]


def kill(workspace: Any, run_id: str) -> None:
    """Ask for the end of a run; one that has ended meanwhile is no error."""
    from flowbook.errors import Conflict

    try:
        workspace.kill(run_id)
    except Conflict:
        pass


def refuse_failure(run: Any) -> None:
    """Raises: RunEnded unless the run succeeded."""
    state = run.state.value
    if state in ("SUCCESS", "WARNING"):
        return
    error = run.error
    reason = error.get("message") if isinstance(error, dict) else error
    said = f"{run.flow} {state.lower()}"
    if state == "FAILED" and reason:
        said = f"{said}: {reason}"
        if any(one["execution"] == run.id for one in run.workspace.kernels()):
            said = f"{said}\nIts kernel is kept, with its variables: %flow attach"
    raise RunEnded(said)
