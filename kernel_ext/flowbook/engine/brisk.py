"""How the interpreter behaves while flows run in somebody's process; put back afterwards."""

from __future__ import annotations

import gc
import sys

SWITCH = 0.0005
"""Seconds after which another thread may go on: a cell that spins in Python would otherwise hold the
engine back."""
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
