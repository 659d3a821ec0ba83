"""What leaves the history leaves it whole, and the tables still follow from the events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from flowbook.storage.files import Storage
from flowbook.store.client import Store
from flowbook.store.retention import Retention, sweep
from flowbook.store.rows import Change, HostInfo, Owner
from flowbook.workspace.place import Place

from .conftest import NOW, event, execution, proves_equal, task_run

pytestmark = pytest.mark.anyio
OWNER = Owner("host-1", 1)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with await Store.open(
        place, host=HostInfo.here("host-1", "script"), embedded=True
    ) as store:
        yield store


async def run(store: Store, id: str, days: float, *, over: bool = True, flow: str = "etl") -> None:
    """An execution of some days ago with a task run, a log line, a fire and a file."""
    created = (NOW - timedelta(days=days)).isoformat()
    values = {"created_at": created, "flow_id": flow, "ended_at": created if over else None}
    await store.transact(
        "fire", namespace="demo", flow_id=flow, trigger_id="t", date=created, execution_id=id
    )
    await store.append(
        [event(id)],
        [execution(id, "SUCCESS" if over else "PAUSED", **values), task_run(f"t-{id}", id)],
        OWNER,
    )
    await store.record(
        [
            {
                "table": "logs",
                "execution_id": id,
                "flow_id": flow,
                "namespace": "demo",
                "ts": created,
                "level": "INFO",
                "message": id,
            }
        ]
    )
    storage = Storage(store.place.storage)
    storage.put(storage.task_prefix("demo", flow, id, "load", "t"), "file.txt", source=b"x")


async def test_a_purged_execution_leaves_nothing_behind(store: Store) -> None:
    await run(store, "a", 5)
    await run(store, "b", 4)
    await store.flush()
    follower = store.follow()
    gone = await store.purge(["a"])
    assert {name: count for name, count in gone.items() if count} == {
        "executions": 1,
        "task_runs": 1,
        "owners": 1,
        "fires": 1,
        "logs": 1,
        "events": 2,
    }
    assert (await anext(follower)).changes == (Change("executions", ("a",), None),)
    assert [row["id"] for row in await store.query("executions_list")] == ["b"]
    for table in ("events", "logs", "owners", "fires", "task_runs"):
        assert await store.query(f"select * from {table} where execution_id = 'a'") == []
    await proves_equal(store)
    assert [row["id"] for row in await store.query("executions_list")] == ["b"]


async def test_a_row_of_no_execution_that_a_purged_event_wrote_stays(store: Store) -> None:
    trigger = Change(
        "triggers",
        ("demo", "etl", "daily"),
        {
            "type": "Schedule",
            "last_execution_id": "a",
            "backfill": {"n": 1e5},
            "next_date": NOW.isoformat(),
        },
    )
    await store.append([event("a")], [execution("a"), trigger], None)
    await store.purge(["a"])
    assert (await store.query("triggers_list"))[0]["last_execution_id"] == "a"
    await proves_equal(store)


async def test_numbers_of_what_is_gone_are_not_given_again(place: Place) -> None:
    host = HostInfo.here("host-1", "script")
    async with await Store.open(place, host=host, embedded=True) as store:
        await store.append([event("a"), event("a")], [execution("a")], None)
        await store.purge(["a"])
    async with await Store.open(place, host=host, embedded=True) as store:
        assert await store.append([event("b")], [], None) > 2


async def test_an_owner_that_said_goodbye_does_not_bring_a_purged_execution_back(
    store: Store,
) -> None:
    await store.transact(
        "register_host", id="host-1", kind="cli", pid=1, pid_started="", machine="m"
    )
    await run(store, "a", 3, over=False)
    await run(store, "b", 3, over=False)
    await store.transact("end_host", id="host-1")
    await store.purge(["a"])
    assert await store.query("select execution_id, host, epoch from owners") == [
        {"execution_id": "b", "host": None, "epoch": 1}
    ]
    await proves_equal(store)


async def test_only_records(store: Store) -> None:
    await run(store, "a", 5)
    assert (await store.purge(["a"], records=["logs"], rows=False)) == {"logs": 1}
    assert len(await store.query("executions_list")) == 1
    await run(store, "b", 5)
    await run(store, "c", 1)
    since = {"before": NOW - timedelta(days=2), "namespace": "demo"}
    assert await store.purge_records("logs", **since, levels=["ERROR"]) == 0
    assert await store.purge_records("logs", **since, levels=["INFO"]) == 1
    assert await store.purge_records("metrics", **since) == 0
    assert await store.purge_records("cells", **since) == 0
    assert [row["message"] for row in await store.query("logs_search")] == ["c"]


async def test_events_that_say_nothing_any_more_are_compacted_away(store: Store) -> None:
    for number in range(10):
        await store.transact("kv_set", namespace="demo", key="n", value=number)
    await store.transact("kv_set", namespace="demo", key="other", value=1)
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert await store.compact(datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert await store.compact(later) == 9
    await proves_equal(store)
    assert (await store.transact("kv_get", namespace="demo", key="n"))[0]["value"] == 9


async def test_a_sweep_keeps_what_is_not_over_and_the_newest_of_each_flow(store: Store) -> None:
    for id, days, over in (("old", 100, True), ("paused", 200, False), ("fresh", 10, True)):
        await run(store, id, days, over=over)
    await run(store, "last", 400, flow="rare")
    await run(store, "short", 5, flow="brief")
    await run(store, "brief", 1, flow="brief")
    retention = Retention(flows={"demo.brief": Retention(executions=timedelta(days=2))})
    storage = Storage(store.place.storage)
    shown = await sweep(store, storage, retention, now=NOW, dry_run=True)
    assert {row["id"] for row in shown.executions} == {"old", "short"}
    assert len(await store.query("executions_list")) == 6
    done = await sweep(store, storage, retention, now=NOW)
    assert done.executions == shown.executions
    assert {row["id"] for row in await store.query("executions_list")} == {
        "paused",
        "fresh",
        "last",
        "brief",
    }
    assert {row["message"] for row in await store.query("logs_search")} == {"fresh", "brief"}
    assert not any("/old/" in uri or "/short/" in uri for uri in storage.list())
    assert len(storage.list()) == 4
    await proves_equal(store)
