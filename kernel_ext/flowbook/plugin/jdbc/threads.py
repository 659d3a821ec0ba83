"""Work that blocks, in a thread of its own that can be interrupted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def interruptible(work: Callable[[], T], interrupt: Callable[[], None]) -> T:
    """Run `work` in a thread; on cancellation interrupt it and wait for its end.

    Not in the loop's pool: long queries would keep its few threads from everybody else.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(result)  # type: ignore[arg-type]  # of type T when there is no error
            else:
                done.set_exception(error)

    def body() -> None:
        try:
            result = work()
        except BaseException as error:
            loop.call_soon_threadsafe(settle, None, error)
        else:
            loop.call_soon_threadsafe(settle, result, None)

    thread = threading.Thread(target=body, name="flowbook-query", daemon=True)
    thread.start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        while not done.done():
            interrupt()
            await asyncio.wait([done], timeout=0.05)
        done.exception()  # seen: it is about the interruption
        raise
