"""The storekeeper is killed twenty times while three processes write: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from flowbook.elected import Seat
from flowbook.store.client import Store
from flowbook.store.rows import HostInfo
from flowbook.workspace.place import Place

from .conftest import proves_equal, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
KILLS = 20


async def test_twenty_kills_under_three_writers(place: Place) -> None:
    place.create()
    seat = Seat(place.runtime, "store")
    script = Path(__file__).with_name("writes.py")
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            str(script),
            str(place.root),
            f"writer-{index}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for index in range(3)
    ]
    host = HostInfo.here("watcher", "script")
    async with await Store.open(place, host=host) as store:
        follower = store.follow(since=0)
        seen: list[tuple[str, int]] = []

        async def read() -> None:
            async for batch in follower:
                seen.extend((one["execution_id"], one["payload"]["n"]) for one in batch.events)  # type: ignore[index, call-overload, misc]

        reading = asyncio.create_task(read())
        killed: set[int] = set()
        while len(killed) < KILLS:
            pid = await until(lambda: seat.holder() if seat.holder() not in killed else None)
            before = len(seen)
            await until(lambda before=before: len(seen) > before + 100, 60)
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        told = [
            json.loads(out)
            for out, _ in await asyncio.gather(*(one.communicate(b"") for one in writers))
        ]
        assert [writer.returncode for writer in writers] == [0, 0, 0]

        rows = await store.query(
            "select execution_id, seq, payload from events where not starts_with(kind, '#') order by seq"
        )
        found: dict[str, list[int]] = {}
        for row in rows:
            found.setdefault(row["execution_id"], []).append(row["payload"]["n"])
        acknowledged = {
            name: numbers for one in told for name, numbers in one["acknowledged"].items()
        }
        assert found == acknowledged  # each one once, and in order
        assert len({row["seq"] for row in rows}) == len(rows)

        fires = await store.query("select date, execution_id from fires")
        assert {f"{row['date']}={row['execution_id']}" for row in fires} == {
            fire for one in told for fire in one["fired"]
        }
        logs = await store.query("select execution_id, message from logs")
        for index, one in enumerate(told):
            lines = [
                int(row["message"])
                for row in logs
                if row["execution_id"].startswith(f"writer-{index}-")
            ]
            assert sorted(lines) == list(range(one["logged"]))

        await until(lambda: len(seen) >= len(rows), 60)
        await follower.aclose()
        await reading
        assert seen == [(row["execution_id"], row["payload"]["n"]) for row in rows]
        await proves_equal(store)
    total = sum(map(len, acknowledged.values()))
    print(
        f"{total} events, {KILLS} kills, slowest append {max(one['slowest'] for one in told):.2f} s"
    )
