"""Awaiting something in a thread whose own loop is running, as in a notebook's cell.

Stands alone, with nothing but the standard library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_aside(
    work: Coroutine[Any, Any, T], began: Callable[[Callable[[], object]], None] | None = None
) -> T:
    """Run a coroutine to its end in a loop of its own; the running loop is set aside meanwhile.

    `began` is given a function that cancels the work, safe to call from a signal handler.
    """
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    loop = asyncio.new_event_loop()
    try:
        task = loop.create_task(work)
        if began is not None:
            began(lambda: loop.call_soon_threadsafe(task.cancel))
        return loop.run_until_complete(task)
    finally:
        try:
            _end(loop)
        finally:
            loop.close()
            asyncio._set_running_loop(outer)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what the work has left behind, as `asyncio.run` does."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
