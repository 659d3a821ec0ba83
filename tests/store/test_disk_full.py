"""A full disk: a clear error, nothing acknowledged is lost, and it goes on when there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbook.store.client import Store
from flowbook.store.rows import HostInfo, StoreBusy
from flowbook.workspace.place import Place

from .conftest import end_keeper, event, proves_equal, task_run

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def small(place: Place) -> Iterator[Place]:
    """A workspace on a disk of 64 MiB."""
    place.root.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place.root)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk here: {mounted.stderr.decode().strip()}")
    yield place
    end_keeper(place)
    subprocess.run(["umount", "-l", str(place.root)], check=True)


async def write_until_refused(store: Store, acknowledged: list[int], first: int) -> str:
    """Append until the store says no; what it said."""
    for number in range(first, first + 9000):
        try:
            text = os.urandom(4000).hex()
            await store.append(
                [event(n=number, text=text)], [task_run(f"t{number}", error=text)], None
            )
        except StoreBusy as error:
            return str(error)
        acknowledged.append(number)
    raise AssertionError("the disk never was full")


@pytest.mark.parametrize("embedded", [False, True])
async def test_a_full_disk(small: Place, embedded: bool) -> None:
    host = HostInfo.here("host-1", "script")
    ballast = small.root / "ballast"
    acknowledged: list[int] = []
    async with await Store.open(small, host=host, embedded=embedded) as store:
        for number in range(50):
            await store.append([event(n=number)], [task_run(f"t{number}")], None)
            acknowledged.append(number)
        _fill(ballast, 20 << 20)
        assert "is full" in await write_until_refused(store, acknowledged, 50)
        assert "is full" in await write_until_refused(store, acknowledged, 10_000)
        found = [row["payload"]["n"] for row in await store.execution("e1")]
        assert sorted(found) == acknowledged
        ballast.unlink()
        await store.append([event(n=9999)], [task_run("after")], None)
        acknowledged.append(9999)
        assert [row["payload"]["n"] for row in await store.execution("e1")] == acknowledged
        await proves_equal(store)
    async with await Store.open(small, host=host) as store:
        assert [row["payload"]["n"] for row in await store.execution("e1")] == acknowledged


def _fill(ballast: Path, left: int) -> None:
    """Take all room but so many bytes."""
    stat = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, stat.f_bavail * stat.f_frsize - left)


async def test_a_file_that_breaks_for_want_of_room_is_opened_anew(
    small: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may fill the disk between the look and the commit: nothing lost, nothing twice."""
    monkeypatch.setattr("flowbook.store.writer.RESERVE", 0)
    ballast = small.root / "ballast"
    host = HostInfo.here("host-1", "script")
    acknowledged: list[int] = []
    async with await Store.open(small, host=host, embedded=True) as store:
        _fill(ballast, 2 << 20)
        for round in range(3):
            await write_until_refused(store, acknowledged, 10_000 * round)
        ballast.unlink()
        await write_when_there_is_room(store, acknowledged)
        found = [row["payload"]["n"] for row in await store.execution("e1")]
        assert len(found) == len(set(found))
        assert set(acknowledged) <= set(found)
        await proves_equal(store)


async def write_when_there_is_room(store: Store, acknowledged: list[int]) -> None:
    for _ in range(100):
        try:
            await store.append([event(n=-1)], [], None)
        except StoreBusy:
            continue
        acknowledged.append(-1)
        return
    raise AssertionError("it doesn't go on")
