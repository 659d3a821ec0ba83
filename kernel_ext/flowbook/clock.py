"""Time as something that is handed in: the real one, or one that jumps to the next timer."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time and waits for it; all dates are aware and in UTC."""

    def now(self) -> datetime: ...

    async def until(self, moment: datetime) -> None: ...

    @contextmanager
    def working(self) -> Iterator[None]:
        """Held around work that is no waiting for a timer, so that virtual time stands still."""
        ...

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Held inside work around a wait for a date, so that virtual time may pass."""
        ...


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, 3600))  # a laptop that slept wakes within the hour

    @contextmanager
    def working(self) -> Iterator[None]:
        yield

    @contextmanager
    def resting(self) -> Iterator[None]:
        yield


class VirtualClock:
    """Time that stands still while anything works and jumps to the next timer when all wait."""

    def __init__(self, start: datetime = datetime(2025, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._timers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._busy = 0
        self._jumping: asyncio.TimerHandle | asyncio.Handle | None = None

    def now(self) -> datetime:
        return self._now

    async def until(self, moment: datetime) -> None:
        if moment <= self._now:
            await asyncio.sleep(0)
            return
        reached = asyncio.get_running_loop().create_future()
        heapq.heappush(self._timers, (moment, next(self._numbers), reached))
        self._consider()
        await reached

    @contextmanager
    def working(self) -> Iterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._consider()

    @contextmanager
    def resting(self) -> Iterator[None]:
        self._busy -= 1
        self._consider()
        try:
            yield
        finally:
            self._busy += 1

    def advance(self, by: timedelta) -> None:
        """Let this much time pass at once; timers on the way fire in their order."""
        end = self._now + by
        while self._timers and self._timers[0][0] <= end:
            self._fire()
        self._now = end

    def _consider(self) -> None:
        if self._jumping is None and self._timers and not self._busy:
            self._settle(asyncio.get_running_loop(), turns=8)

    def _settle(self, loop: asyncio.AbstractEventLoop, turns: int) -> None:
        # Time moves only after some idle turns of the loop: what is ready to run runs first.
        def turn() -> None:
            self._jumping = None
            if self._busy or not self._timers:
                return
            if turns > 0:
                self._settle(loop, turns - 1)
            else:
                self._fire()
                self._consider()

        self._jumping = loop.call_soon(turn)

    def _fire(self) -> None:
        moment, _, reached = heapq.heappop(self._timers)
        self._now = max(self._now, moment)
        if not reached.done():
            reached.set_result(None)
