"""Named transactions: each answers once and for all, and the tables still follow from the events."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from flowbook.errors import Conflict, FlowbookError, NotFound
from flowbook.store.client import Store
from flowbook.store.rows import HostInfo, Owner
from flowbook.store.transactions import hosts
from flowbook.workspace.place import Place

from .conftest import event, execution, proves_equal

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    host = HostInfo.here("host-1", "script")
    async with await Store.open(place, host=host, embedded=True) as store:
        await register(store, host)
        yield store
        await proves_equal(store)


async def register(store: Store, host: HostInfo) -> None:
    names = ("id", "kind", "pid", "pid_started", "machine")
    await store.transact("register_host", **{name: getattr(host, name) for name in names})


async def save(store: Store, source: str = "id: etl", **values: Any) -> dict[str, Any]:
    (row,) = await store.transact("save_flow", namespace="demo", id="etl", source=source, **values)
    return row


async def test_a_flow_gets_a_revision_only_when_its_text_changed(store: Store) -> None:
    assert await save(store) == {"revision": 1, "new": True, "draft": False}
    assert await save(store) == {"revision": 1, "new": False, "draft": False}
    assert await save(store, "id: etl # new") == {"revision": 2, "new": True, "draft": False}
    assert await save(store, labels=[{"key": "a", "value": "b"}]) == {
        "revision": 3,
        "new": True,
        "draft": False,
    }
    (flow,) = await store.query("flows_latest", namespace="demo")
    assert (flow["revision"], flow["source"], flow["labels"]) == (
        3,
        "id: etl",
        [{"key": "a", "value": "b"}],
    )
    assert (await store.query("flow_revision", namespace="demo", id="etl", revision=2))[0][
        "source"
    ] == "id: etl # new"


async def test_a_draft_leaves_the_published_revision_where_it_is(store: Store) -> None:
    await save(store)
    assert await save(store, "id: etl # try", draft=True) == {
        "revision": 2,
        "new": True,
        "draft": True,
    }
    assert (await store.query("flows_latest"))[0]["revision"] == 1
    assert await save(store, draft=True) == {"revision": 1, "new": False, "draft": False}
    assert await save(store, "id: etl # try") == {"revision": 2, "new": False, "draft": False}


async def test_a_deleted_flow_comes_back_with_a_new_revision(store: Store) -> None:
    await save(store)
    await store.transact(
        "save_trigger", namespace="demo", flow_id="etl", trigger_id="daily", type="Schedule"
    )
    assert await store.transact("delete_flow", namespace="demo", id="etl") == [
        {"deleted": True, "revision": 1}
    ]
    assert await store.transact("delete_flow", namespace="demo", id="etl") == [{"deleted": False}]
    assert await store.query("flows_latest") == []
    assert await store.query("triggers_list") == []
    assert (await save(store))["revision"] == 2
    assert len(await store.query("flows_latest")) == 1


async def test_an_edit_of_an_old_revision_is_a_conflict(store: Store) -> None:
    await save(store)
    await save(store, "id: etl # by somebody else")
    with pytest.raises(Conflict, match="since revision 1"):
        await save(store, "id: etl # mine", expected=1)


async def test_a_date_fires_once_however_many_ask(store: Store) -> None:
    date = datetime(2026, 11, 21, 7, tzinfo=UTC)
    given = {"namespace": "demo", "flow_id": "etl", "trigger_id": "daily"}
    answers = await asyncio.gather(
        *(store.transact("fire", **given, date=date, execution_id=f"e{n}") for n in range(20))
    )
    assert sum(row["fired"] for (row,) in answers) == 1
    assert len({row["execution_id"] for (row,) in answers}) == 1
    tokyo = date.astimezone(datetime.now().astimezone().tzinfo)
    assert (await store.transact("fire", **given, date=tokyo, execution_id="x"))[0][
        "fired"
    ] is False


async def test_a_lease_belongs_to_one_and_its_epoch_grows_with_each_change(
    store: Store, place: Place
) -> None:
    async with await Store.open(place, host=HostInfo.here("host-2", "server")) as second:
        await register(second, second.host)
        one = {"name": "triggers", "host": "host-1", "seconds": 60}
        two = {**one, "host": "host-2"}
        assert [(row["held"], row["epoch"]) for row in await store.transact("lease", **one)] == [
            (True, 1)
        ]
        assert [(row["held"], row["holder"]) for row in await second.transact("lease", **two)] == [
            (False, "host-1")
        ]
        assert (await store.transact("lease", **one))[0]["epoch"] == 1
        await store.transact("release_lease", name="triggers", host="host-1")
        assert [(row["held"], row["epoch"]) for row in await second.transact("lease", **two)] == [
            (True, 2)
        ]
        await second.transact("end_host", id="host-2")
        assert (await store.transact("lease", **one))[0]["epoch"] == 3


async def test_a_connected_hosts_execution_is_never_adopted(store: Store, place: Place) -> None:
    async with await Store.open(place, host=HostInfo.here("host-2", "kernel")) as second:
        await register(second, second.host)
        await second.append([event()], [execution("e1")], Owner("host-2", 1))
        assert await store.transact("adoptable", host="host-1") == []
        with pytest.raises(Conflict, match="host-2"):
            await store.transact("claim_execution", execution_id="e1", host="host-1")


async def test_a_host_that_says_goodbye_gives_up_what_is_left(store: Store, place: Place) -> None:
    async with await Store.open(place, host=HostInfo.here("host-2", "kernel")) as second:
        await register(second, second.host)
        await second.append([event()], [execution("e1")], Owner("host-2", 1))
        done = execution("e2", "SUCCESS", ended_at="2026-11-21T12:00:00+00:00")
        await second.append([event("e2")], [done], Owner("host-2", 1))
        assert await second.transact("end_host", id="host-2") == [{"execution_id": "e1"}]
    (row,) = await store.transact("adoptable", host="host-1")
    assert (row["execution_id"], row["reason"]) == ("e1", "released")
    assert await store.transact("claim_execution", execution_id="e1", host="host-1") == [
        {"epoch": 2}
    ]


async def test_a_host_is_dead_when_its_connection_is_closed_and_its_process_gone(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220
    from flowbook.store.rows import started

    host = HostInfo(
        id="host-2",
        kind="cli",
        pid=process.pid,
        pid_started=started(process.pid) or "",
        machine=HostInfo.here("x", "x").machine,
    )
    second = await Store.open(place, host=host)
    await register(second, host)
    await second.append([event()], [execution("e1")], Owner("host-2", 1))
    await second.close()
    monkeypatch.setattr(hosts, "DEAD_AFTER", 0.0)
    assert await store.transact("adoptable", host="host-1") == []  # its process still runs
    process.kill()
    process.wait()
    monkeypatch.setattr(hosts, "DEAD_AFTER", 3600.0)
    assert await store.transact("adoptable", host="host-1") == []  # closed a moment ago
    monkeypatch.setattr(hosts, "DEAD_AFTER", 0.0)
    (row,) = await store.transact("adoptable", host="host-1")
    assert (row["execution_id"], row["reason"]) == ("e1", "host lost")
    assert await store.transact("claim_execution", execution_id="e1", host="host-1") == [
        {"epoch": 2}
    ]


async def test_release_is_for_the_owner_and_its_epoch(store: Store) -> None:
    await store.append([event()], [execution("e1")], Owner("host-1", 1))
    release = {"execution_id": "e1", "host": "host-1"}
    assert await store.transact("release_execution", **{**release, "host": "other"}) == [
        {"released": False}
    ]
    assert await store.transact("release_execution", **release, epoch=9) == [{"released": False}]
    assert await store.transact("release_execution", **release, epoch=1) == [{"released": True}]


async def test_pairs(store: Store) -> None:
    pair = {"namespace": "demo", "key": "n"}
    for value in (5, "5", None, {"a": [1, None]}, [1.5], False, ""):
        await store.transact("kv_set", **pair, value=value)
        assert (await store.transact("kv_get", **pair))[0]["value"] == value
    with pytest.raises(Conflict, match="overwrite"):
        await store.transact("kv_set", **pair, value=1, overwrite=False)
    await store.transact("kv_set", namespace="demo", key="gone", value=1, ttl=-1)
    assert await store.transact("kv_get", namespace="demo", key="gone") == []
    assert [row["key"] for row in await store.transact("kv_keys", namespace="demo")] == ["n"]
    assert await store.transact("kv_keys", namespace="demo", prefix="x") == []
    await store.transact("kv_set", namespace="demo", key="gone", value=2, overwrite=False)
    assert await store.transact("kv_delete", **pair) == [{"deleted": True}]
    assert await store.transact("kv_delete", **pair) == [{"deleted": False}]


async def test_counters_count_each_call(store: Store) -> None:
    await asyncio.gather(*(store.transact("cache_add", key="calls") for _ in range(25)))
    assert (await store.transact("cache_get", key="calls"))[0]["value"] == 25


async def test_rows_of_other_tables(store: Store) -> None:
    row = {
        "table": "backfills",
        "id": "b1",
        "namespace": "demo",
        "done": 0,
        "from": datetime(2026, 1, 1, tzinfo=UTC),
    }
    await store.transact("put_rows", rows=[row])
    (found,) = await store.query("select * from backfills")
    assert found["from"] == row["from"]
    await store.transact("delete_rows", table="backfills", keys=[["b1"]])
    assert await store.query("select * from backfills") == []
    for table in ("events", "owners", "meta"):
        with pytest.raises(FlowbookError):
            await store.transact("put_rows", rows=[{"table": table}])


async def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    for name, params in (
        ("nothing", {}),
        ("kv_set", {"colour": 1}),
        (
            "put_rows",
            {"rows": [{"table": "backfills", "id": "x"}, {"table": "backfills", "nope": 1}]},
        ),
    ):
        with pytest.raises(FlowbookError):
            await store.transact(name, **params)
    with pytest.raises(NotFound, match="kv_set"):
        await store.transact("nothing")
    assert await store.query("select * from backfills") == []
