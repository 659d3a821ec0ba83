"""The one thread: an event loop of the engine's own, and how other threads and loops reach into it.

Theory of operation: whoever opens a workspace makes one `Portal`. Its thread runs the engine's loop;
`call` blocks the caller's thread until a coroutine has run there (also from inside a running loop, as
in a notebook's cell), `wait` awaits one from another loop (the server's). A `KeyboardInterrupt` breaks
`call` at once and leaves the coroutine alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from flowbook.errors import WorkspaceError

T = TypeVar("T")


class Portal:
    """An event loop in a thread of its own, until `close`."""

    def __init__(self, name: str = "flowbook") -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    @property
    def thread(self) -> int:
        """The id of its thread."""
        return self._thread.ident or 0

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive() and not self.loop.is_closed()

    def call(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine over there and wait for its result. Raises what it raises, `TimeoutError`."""
        if threading.get_ident() == self.thread:
            work.close()
            raise RuntimeError("the engine's own thread can't wait for itself")
        if not self.is_open:
            work.close()
            raise WorkspaceError(
                "The workspace is closed: open it again, and ask it for the execution"
            )
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            if not future.done():
                future.cancel()
            raise

    def start(self, work: Coroutine[Any, Any, T]) -> Any:
        """Run a coroutine over there without waiting; a `concurrent.futures.Future`."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine over there and await its result in another loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def close(self) -> None:
        """End the loop and its thread."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(10)
