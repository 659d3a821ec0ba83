"""A display that goes on by itself while the cells below run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError

from .waiting import INTERVAL

if TYPE_CHECKING:
    from .display import RunDisplay


def follow(workspace: Any, run: Any, display: RunDisplay | None) -> None:
    """Show a run from a thread until it is over."""
    if display is None:
        return
    display.show(workspace.view(run.id))

    def go_on() -> None:
        try:
            for view in run.watch(INTERVAL):
                display.show(view)
            display.show(workspace.view(run.last.id))
        except FlowbookError:
            pass  # the workspace was closed; the history has what became of it

    threading.Thread(target=go_on, name=f"flowbook-show-{run.id[:6]}", daemon=True).start()
