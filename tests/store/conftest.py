from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowbook.elected import Seat
from flowbook.store.client import Store
from flowbook.store.rows import Change, EventRow, HostInfo
from flowbook.workspace.place import Place

NOW = datetime(2026, 11, 21, 12, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A workspace of this test's own; its storekeeper is ended with it."""
    short = Path(tempfile.mkdtemp(prefix="fb-"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(short))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    place = Place(tmp_path / "workspace")
    yield place
    end_keeper(place)
    shutil.rmtree(short, ignore_errors=True)


def end_keeper(place: Place, sign: signal.Signals = signal.SIGTERM) -> None:
    """End the storekeeper of a test's workspace, and wait until its seat is free."""
    seat = Seat(place.runtime, "store")
    pid = seat.holder()
    if pid is None or pid == os.getpid():
        return
    os.kill(pid, sign)
    end = time.monotonic() + 20
    while seat.is_held():
        assert time.monotonic() < end, "the storekeeper doesn't end"
        time.sleep(0.005)


@pytest.fixture(params=["embedded", "process"])
async def store(request: pytest.FixtureRequest, place: Place) -> AsyncIterator[Store]:
    """The store both ways: in a thread of this process, and behind a storekeeper's socket."""
    host = HostInfo.here("host-1", "script")
    async with await Store.open(place, host=host, embedded=request.param == "embedded") as store:
        yield store


def event(execution: str = "e1", kind: str = "Happened", **payload: Any) -> EventRow:
    return EventRow(execution, NOW, kind, payload)


def task_run(id: str, execution: str = "e1", state: str = "RUNNING", **values: Any) -> Change:
    return Change("task_runs", (id,), {"execution_id": execution, "state": state, **values})


def execution(id: str, state: str = "RUNNING", **values: Any) -> Change:
    given = {
        "namespace": "demo",
        "flow_id": "etl",
        "state": state,
        "created_at": NOW.isoformat(),
        **values,
    }
    return Change("executions", (id,), given)


async def until(check: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for something that another process or task does."""
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it didn't happen"
        await asyncio.sleep(0.01)
    return found


async def snapshot(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every latest-state table, ordered, as it is."""
    tables = await store.query("select table_name from duckdb_tables() order by 1")
    books = {"meta", "events", "seen", "logs", "metrics", "cells", "leases"}
    return {
        name: await store.query(f'select * from "{name}" order by all')
        for name in (row["table_name"] for row in tables)
        if name not in books
    }


async def proves_equal(store: Store) -> None:
    """The tables equal what the events alone make of them."""
    before = await snapshot(store)
    await store.rebuild()
    assert await snapshot(store) == before
