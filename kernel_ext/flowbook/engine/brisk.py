"""How the interpreter behaves while flows run in somebody's process; put back afterwards."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from collections.abc import Iterator

SWITCH = 0.0005
"""Seconds after which another thread may go on: a cell that spins in Python would otherwise hold the
engine back."""
ALONE = 0.03
"""The same while a step of many events is computed, which is over before that, mostly."""
YOUNG = 50_000
"""Objects made before the collector looks. A wide flow makes some hundred thousand that live as long as
it does, and would be walked through again and again."""


class Brisk:
    """Switched on with the first execution and off after the last."""

    def __init__(self, *, threads: bool) -> None:
        self._threads = threads
        self._before: tuple[float, tuple[int, int, int]] | None = None

    def on(self) -> None:
        if self._before is not None:
            return
        interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
        self._before = interval, thresholds
        if self._threads:
            sys.setswitchinterval(min(interval, SWITCH))
        if thresholds[0]:  # 0: somebody has switched the collector off
            gc.set_threshold(max(thresholds[0], YOUNG), *thresholds[1:])

    def off(self) -> None:
        if self._before is None:
            return
        (interval, thresholds), self._before = self._before, None
        if self._threads:
            sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody interrupt what is computed; nothing in it may wait for anything.

        Beside a cell that spins, each turn of the engine's would end after half a millisecond, and half of
        the time be the cell's. How long a thread waits before it interrupts another it reads when it begins
        to wait: so it is given its turn first, and waits anew.
        """
        if self._before is None or not self._threads:
            yield
            return
        usual = sys.getswitchinterval()
        time.sleep(0)
        sys.setswitchinterval(ALONE)
        try:
            yield
        finally:
            sys.setswitchinterval(usual)
