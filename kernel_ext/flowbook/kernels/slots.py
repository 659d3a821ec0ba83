"""How many notebooks of a workspace run side by side, whichever hosts run them.

A slot is a lock on a file, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from ..clock import SystemClock

LEAST_MEMORY = 400 * 2**20
"""Bytes that must be available before another notebook starts beside those that run."""
_LOOK = timedelta(seconds=0.05)


@asynccontextmanager
async def taken(
    folder: Path, limit: int, waits: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Hold one of `limit` slots; `waits` is called once if none is free now.

    A notebook that is run from within a notebook doesn't wait: the outer one waits for it.
    """
    if os.environ.get("FLOWBOOK_RUN"):
        yield
        return
    clock = SystemClock()
    told = False
    while (lock := _try(folder, limit)) is None:
        if not told:
            waits()
            told = True
        await clock.until(clock.now() + _LOOK)
    try:
        yield
    finally:
        os.close(lock)


def _try(folder: Path, limit: int) -> int | None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    others = False
    for number in range(limit):
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
        lock = os.open(folder / f"notebook-{number}.lock", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            others = True
            continue
        if others and available() < LEAST_MEMORY:
            os.close(lock)
            return None
        return lock
    return None


def available() -> int:
    """Bytes of memory that are left to use."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return LEAST_MEMORY
