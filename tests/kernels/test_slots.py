"""Notebooks side by side, within a limit that holds across processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowbook.kernels import slots

from .conftest import environment

pytestmark = pytest.mark.anyio


async def test_one_more_than_the_limit_waits(tmp_path: Path) -> None:
    running = most = told = 0
    go = asyncio.Event()

    def waits() -> None:
        nonlocal told
        told += 1
        go.set()  # the others go on only when one has had to wait

    async def work() -> None:
        nonlocal running, most
        async with slots.taken(tmp_path, 2, waits):
            running += 1
            most = max(most, running)
            await go.wait()
            running -= 1

    await asyncio.wait_for(asyncio.gather(*(work() for _ in range(3))), 10)
    assert (most, told) == (2, 1)


async def test_a_slot_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom flowbook.kernels import slots\n"
        "async def main():\n    async with slots.taken(Path(sys.argv[1]), 1):\n"
        "        print('held', flush=True)\n        await asyncio.Event().wait()\nasyncio.run(main())"
    )
    other = subprocess.Popen(  # noqa: ASYNC220 - it only forks
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, env=environment()
    )
    assert other.stdout is not None
    assert await asyncio.to_thread(other.stdout.readline) == b"held\n"

    def waits() -> None:
        other.kill()

    async with asyncio.timeout(10), slots.taken(tmp_path, 1, waits):
        assert await asyncio.to_thread(other.wait) == -9


async def test_without_memory_only_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "available", lambda: 0)
    told = asyncio.Event()

    async def second() -> None:
        async with slots.taken(tmp_path, 4, told.set):
            pass

    async with slots.taken(tmp_path, 4):
        waiting = asyncio.create_task(second())
        await asyncio.wait_for(told.wait(), 10)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 10)


async def test_a_notebook_inside_a_notebook_does_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with slots.taken(tmp_path, 1):
        monkeypatch.setitem(os.environ, "FLOWBOOK_RUN", "/x")
        async with asyncio.timeout(5), slots.taken(tmp_path, 1):
            pass
