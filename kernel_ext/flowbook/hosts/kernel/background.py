"""A display that goes on by itself while the cells below run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError

from .waiting import INTERVAL

if TYPE_CHECKING:
    from .display import RunDisplay


def follow(
    workspace: Any, run: Any, display: RunDisplay | None, over: Callable[[], None] | None = None
) -> None:
    """Show a run from a thread until it is over, then call `over`."""
    if display is None and over is None:
        return
    if display is not None:
        display.show(workspace.view(run))

    def go_on() -> None:
        try:
            if display is None:
                run.wait()
                return
            for view in run.watch(INTERVAL):
                display.show(view)
            display.show(workspace.view(run.last))
        except FlowbookError:
            pass  # the workspace was closed; the history has what became of it
        finally:
            if over is not None:
                over()

    # with what the cell's own thread knows of itself, so that updates belong to that cell
    work = copy_context().run
    threading.Thread(
        target=work, args=(go_on,), name=f"flowbook-show-{run.id[:6]}", daemon=True
    ).start()
