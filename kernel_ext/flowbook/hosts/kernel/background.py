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
    show: Callable[[Any], None] = display.show if display is not None else lambda view: None
    show(workspace.view(run.id))

    def go_on() -> None:
        try:
            for view in run.watch(INTERVAL):
                show(view)
            show(workspace.view(run.last.id))
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
