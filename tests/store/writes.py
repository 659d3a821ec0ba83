"""A process that appends until its input ends; prints what was acknowledged. Run by `test_chaos.py`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from flowbook.store.client import Store
from flowbook.store.rows import Change, EventRow, HostInfo, Owner
from flowbook.workspace.place import Place


async def main(root: str, name: str) -> None:
    """Chains of appends side by side, with records, pairs and fires between them."""
    acknowledged: dict[str, list[int]] = {}
    fired: list[str] = []
    logged = 0
    slowest = 0.0
    told = asyncio.Event()
    host = HostInfo.here(name, "script")
    async with await Store.open(Place(Path(root)), host=host) as store:

        async def chain(execution: str) -> None:
            nonlocal logged, slowest
            luck = random.Random(execution)
            number = 0
            done = acknowledged[execution] = []
            while not told.is_set():
                count = luck.choice((1, 1, 1, 3, 40))
                now = datetime.now(UTC)
                events = [
                    EventRow(execution, now, "Happened", {"n": number + n}) for n in range(count)
                ]
                changes = [
                    Change(
                        "task_runs",
                        (f"{execution}-{luck.randrange(50)}",),
                        {"execution_id": execution, "position": number},
                    )
                ]
                if luck.random() < 0.1:
                    changes.append(
                        Change("task_runs", (f"{execution}-{luck.randrange(50)}",), None)
                    )
                changes.append(
                    Change("executions", (execution,), {"state": "RUNNING", "task_runs": number})
                )
                if luck.random() < 0.3:
                    await store.record(
                        [{"table": "logs", "execution_id": execution, "message": str(logged)}]
                    )
                    logged += 1
                start = time.monotonic()
                await store.append(events, changes, Owner(name, 1))
                slowest = max(slowest, time.monotonic() - start)
                done.extend(range(number, number + count))
                number += count
                if luck.random() < 0.05:
                    date = str(luck.randrange(10_000))
                    (row,) = await store.transact(
                        "fire",
                        namespace="n",
                        flow_id="f",
                        trigger_id="t",
                        date=date,
                        execution_id=f"{execution}/{number}",
                    )
                    if row["fired"]:
                        fired.append(f"{date}={execution}/{number}")
                    await store.transact("cache_add", key=name)

        async def listen() -> None:
            await asyncio.to_thread(sys.stdin.read)
            told.set()

        await asyncio.gather(listen(), *(chain(f"{name}-{index}") for index in range(3)))
    print(
        json.dumps(
            {"acknowledged": acknowledged, "fired": fired, "logged": logged, "slowest": slowest}
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
