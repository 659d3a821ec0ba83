"""The store behind its socket, beside a bare DuckDB file in this process.

Found with a prototype: commit 1.1 ms (bare 0.9, socket 0.3), 38,000 events/s in batches, failover
0.4-0.6 s, cold start to the first commit 0.5 s.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flowbook.kinds.change import Change
from flowbook.store.client import Store
from flowbook.store.rows import EventRow, HostInfo
from flowbook.workspace.place import Place

from .floors import Log

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
COMMIT = "commit, one event at a time"
BATCHES = "events in batches of 1,000, an event"
LOGS = "log lines in batches of 1,000, a line"
COLD = "cold start to the first commit"
FAILOVER = "storekeeper killed, to the next commit"
OPENS = (
    "import sys, duckdb; duckdb.connect(sys.argv[1]).execute('create or replace table t (a int)')"
)
Row = Callable[..., Any]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = Path(tempfile.mkdtemp(prefix="fbb-"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "run"))
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def store(runner: asyncio.Runner, folder: Path) -> Iterator[Store]:
    store = runner.run(opened(folder / "workspace"))
    yield store
    runner.run(store.close())


async def opened(folder: Path) -> Store:
    return await Store.open(Place(folder), host=HostInfo.here("bench", "script"))


def event(number: int) -> EventRow:
    return EventRow("bench", NOW, "Happened", {"task_run": f"r{number}", "attempt": 1})


def task_run(number: int) -> Change:
    values = {"id": f"r{number}", "execution_id": "bench", "task_id": "t", "state": "SUCCESS"}
    return Change("task_runs", (f"r{number}",), values)


def test_floor_of_a_commit(row: Row, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "bare.duckdb")) as bare:
        bare.execute("create table events (seq bigint, payload varchar)")
        row(COMMIT, "floor: bare DuckDB").pedantic(
            bare.execute, ("insert into events values (?, ?)", [1, "{}"]), rounds=100
        )


def test_commit(row: Row, runner: asyncio.Runner, store: Store) -> None:
    def commit() -> None:
        runner.run(store.append([event(1)], [task_run(1)], None))

    row(COMMIT, "an event and its change", budget="≤ 1.2 ms").pedantic(
        commit, rounds=100, warmup_rounds=3
    )


def test_way_without_a_commit(row: Row, runner: asyncio.Runner, store: Store) -> None:
    row(COMMIT, "socket and queue alone", budget="≤ 0.3 ms").pedantic(
        lambda: runner.run(store.flush()), rounds=100, warmup_rounds=3
    )


def test_floor_of_batches(row: Row, runner: asyncio.Runner, tmp_path: Path) -> None:
    log = Log(tmp_path / "bare.duckdb")

    async def write() -> None:
        for _ in range(20):
            for number in range(1000):
                log.put((number, "t", 1, 0, "{}"))
            await log.durable()

    name = "floor: bare DuckDB, Arrow"
    row(BATCHES, name, per=20_000).pedantic(lambda: runner.run(write()), rounds=3)
    log.close()


def test_batches(row: Row, runner: asyncio.Runner, store: Store) -> None:
    batches = [[event(number) for number in range(1000)] for _ in range(20)]

    async def write() -> None:
        await asyncio.gather(*(store.append(batch, [], None) for batch in batches))

    row(BATCHES, "events", per=20_000, budget="26 µs (38,000 a second)").pedantic(
        lambda: runner.run(write()), rounds=3, warmup_rounds=1
    )


def test_batches_with_changes(row: Row, runner: asyncio.Runner, store: Store) -> None:
    """Until a reader sees them: the projection is part of it."""
    batches = [
        [(event(n), task_run(n)) for n in range(start, start + 1000)]
        for start in range(0, 5000, 1000)
    ]

    async def write() -> None:
        for batch in batches:
            events, changes = zip(*batch, strict=True)
            await store.append(events, changes, None)
        await store.query("select count(*) from task_runs")

    row(BATCHES, "events with a change each, and read", per=5000).pedantic(
        lambda: runner.run(write()), rounds=3, warmup_rounds=1
    )


def test_log_lines(row: Row, runner: asyncio.Runner, store: Store) -> None:
    common = {"table": "logs", "execution_id": "bench", "task_id": "t", "level": "INFO"}
    lines = [
        {**common, "ts": NOW.isoformat(), "message": f"line {number}"} for number in range(1000)
    ]

    async def write() -> None:
        for _ in range(20):
            await store.record(lines)
        await store.flush()

    row(LOGS, "log lines", per=20_000).pedantic(
        lambda: runner.run(write()), rounds=3, warmup_rounds=1
    )


def test_floor_of_a_cold_start(row: Row, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS, str(tmp_path / "bare.duckdb")]
    name = "floor: a process that opens a bare file"
    row(COLD, name).pedantic(subprocess.run, (command,), {"check": True}, rounds=3, warmup_rounds=1)


def test_cold_start(row: Row, runner: asyncio.Runner, folder: Path) -> None:
    stores: list[Store] = []

    async def start() -> None:
        stores.append(await opened(folder / f"cold-{len(stores)}"))
        await stores[-1].append([event(1)], [], None)

    row(COLD, "storekeeper and commit", budget="≤ 0.5 s").pedantic(
        lambda: runner.run(start()), rounds=4
    )
    for store in stores:
        runner.run(store.close())
        os.kill(store.keeper_pid or 0, signal.SIGTERM)


def test_failover(row: Row, runner: asyncio.Runner, store: Store) -> None:
    def kill() -> None:
        assert store.keeper_pid is not None
        os.kill(store.keeper_pid, signal.SIGKILL)

    def commit() -> None:
        runner.run(store.append([event(1)], [], None))

    row(FAILOVER, "the next commit", budget="0.4-0.6 s").pedantic(commit, setup=kill, rounds=4)
