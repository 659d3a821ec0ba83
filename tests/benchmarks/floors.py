"""The least that durable work costs: a bare loop of tasks whose events one thread commits in groups."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow

TABLE = "create table events (seq bigint, task varchar, state tinyint, ts bigint, payload varchar)"
TYPES = {
    "seq": pyarrow.int64(),
    "task": pyarrow.string(),
    "state": pyarrow.int8(),
    "ts": pyarrow.int64(),
    "payload": pyarrow.string(),
}
FEW = 6


class Log:
    """A DuckDB table and the thread that appends to it whatever has been put."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(str(path))
        self._connection.execute(TABLE)
        self._rows: list[tuple[object, ...]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def put(self, row: tuple[object, ...]) -> None:
        with self._news:
            self._rows.append(row)
            self._news.notify()

    def durable(self) -> asyncio.Future[None]:
        """Done when all that was put is committed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._news:
            self._waiting.append(future)
            self._news.notify()
        return future

    def close(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            with self._news:
                while not (self._rows or self._waiting or self._ended):
                    self._news.wait()
                rows, self._rows = self._rows, []
                waiting, self._waiting = self._waiting, []
            if rows:
                self._commit(rows)
            for future in waiting:
                future.get_loop().call_soon_threadsafe(future.set_result, None)
            if self._ended and not rows:
                return

    def _commit(self, rows: Sequence[tuple[object, ...]]) -> None:
        if len(rows) <= FEW:
            places = ", ".join(["(?, ?, ?, ?, ?)"] * len(rows))
            values = [value for row in rows for value in row]
            self._connection.execute(f"insert into events values {places}", values)
            return
        columns = zip(*rows, strict=True)
        arrays = [
            pyarrow.array(column, kind)
            for column, kind in zip(columns, TYPES.values(), strict=True)
        ]
        table = pyarrow.table(arrays, names=list(TYPES))
        self._connection.from_arrow(table).insert_into("events")


async def bare(log: Log, before: Mapping[int, Sequence[int]], limit: int = 64) -> None:
    """Run tasks that do nothing, each when those before it are durable, so many at once."""
    missing = {task: len(some) for task, some in before.items()}
    behind: dict[int, list[int]] = {task: [] for task in before}
    for task, some in before.items():
        for other in some:
            behind[other].append(task)
    ready = deque(task for task, count in missing.items() if not count)
    running: set[asyncio.Task[None]] = set()
    over = asyncio.Event()
    left = len(before)

    async def one(task: int) -> None:
        nonlocal left
        log.put((task, f"task-{task}", 1, time.time_ns(), None))
        await asyncio.sleep(0)
        log.put((task, f"task-{task}", 2, time.time_ns(), '{"value":1}'))
        if behind[task]:
            await log.durable()
        left -= 1
        for other in behind[task]:
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
        running.discard(asyncio.current_task())  # type: ignore[arg-type]
        start()
        if not left:
            over.set()

    def start() -> None:
        while ready and len(running) < limit:
            running.add(asyncio.create_task(one(ready.popleft())))

    start()
    await over.wait()
    await log.durable()
