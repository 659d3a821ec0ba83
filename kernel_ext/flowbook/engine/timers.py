"""Moments to come, for any number of executions: one heap, one waiter, no thread and no timer each."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

from flowbook.clock import Clock


class Timers:
    """Calls back at dates, in their order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._earlier = asyncio.Event()
        self._waiter: asyncio.Task[None] | None = None

    def at(self, due: datetime, call: Callable[[], None]) -> None:
        """Call at this moment, or at once if it has passed."""
        first = not self._heap or due < self._heap[0][0]
        heapq.heappush(self._heap, (due, next(self._numbers), call))
        if self._waiter is None:
            self._waiter = asyncio.create_task(self._wait(), name="flowbook-timers")
        elif first:
            self._earlier.set()

    async def close(self) -> None:
        if self._waiter is not None:
            self._waiter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._waiter

    async def _wait(self) -> None:
        while True:
            self._earlier.clear()
            while self._heap and self._heap[0][0] <= self._clock.now():
                heapq.heappop(self._heap)[2]()
            if not self._heap:
                await self._earlier.wait()
                continue
            sleep = asyncio.ensure_future(self._clock.until(self._heap[0][0]))
            wake = asyncio.ensure_future(self._earlier.wait())
            try:
                await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for future in (sleep, wake):
                    future.cancel()
