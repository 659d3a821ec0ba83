"""The six verbs, in-process and behind the socket."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from flowbook.store.client import Store
from flowbook.store.rows import Batch, Change, EventRow, QueryRefused

from .conftest import NOW, event, execution, proves_equal, task_run

pytestmark = pytest.mark.anyio


async def test_append_counts_on_and_execution_gives_its_events_in_order(store: Store) -> None:
    assert await store.append([event(n=1), event(n=2)], [], None) == 2
    assert await store.append([event("other")], [], None) == 3
    assert await store.append([event(n=3)], [], None) == 4
    found = await store.execution("e1")
    assert [(row["seq"], row["payload"]["n"]) for row in found] == [(1, 1), (2, 2), (4, 3)]
    assert found[0]["ts"] == NOW
    assert found[0]["kind"] == "Happened"
    assert await store.execution("nobody") == []


async def test_a_reader_sees_all_that_was_acknowledged(store: Store) -> None:
    for number in range(30):
        await store.append([event()], [task_run("t1", position=number)], None)
        (row,) = await store.query("task_runs_of", execution_id="e1")
        assert row["position"] == number


async def test_a_row_is_replaced_whole_and_deleted_by_none(store: Store) -> None:
    await store.append([event()], [task_run("t1", value="5", iteration=2), task_run("t2")], None)
    await store.append(
        [event()], [task_run("t1", state="SUCCESS"), Change("task_runs", ("t2",), None)], None
    )
    (row,) = await store.query("task_runs_of", execution_id="e1")
    assert (row["id"], row["state"], row["value"], row["iteration"]) == (
        "t1",
        "SUCCESS",
        None,
        None,
    )
    await proves_equal(store)


async def test_the_last_change_of_a_row_in_one_append_wins(store: Store) -> None:
    changes = [
        task_run("t1", state="CREATED"),
        Change("task_runs", ("t1",), None),
        task_run("t1", state="RUNNING"),
    ]
    await store.append([event()], changes, None)
    assert [row["state"] for row in await store.query("task_runs_of", execution_id="e1")] == [
        "RUNNING"
    ]
    await proves_equal(store)


async def test_values_come_back_with_their_types(store: Store) -> None:
    values = {
        "histories": [{"state": "CREATED", "date": NOW.isoformat()}],
        "started_at": NOW.astimezone(timezone(timedelta(hours=9))),
        "error": {"message": "naïve “quotes” \\ \n", "numbers": [1, 2.5, 1e300, 2**60, None, True]},
        "progress": "text",
        "attempts": 3,
    }
    await store.append([event()], [task_run("t1", **values)], None)
    (row,) = await store.query("task_runs_of", execution_id="e1")
    assert row["started_at"] == NOW
    assert row["started_at"].tzinfo == UTC
    assert {name: row[name] for name in values if name != "started_at"} == {
        name: value for name, value in values.items() if name != "started_at"
    }
    await proves_equal(store)


async def test_what_json_or_a_browser_cannot_read_is_made_harmless(store: Store) -> None:
    odd = {
        "nan": float("nan"),
        "inf": [float("-inf")],
        "nul": "a\0b",
        "escaped": "\\u0000",
        "lone": "\ud800x",
        "big": 2**80,
    }
    await store.append(
        [EventRow("e1", NOW, "Odd", odd)], [task_run("t1", error=odd, task_id="\0")], None
    )
    (found,) = await store.execution("e1")
    assert found["payload"]["nan"] is None
    assert found["payload"]["inf"] == [None]
    assert found["payload"]["nul"] == "a\N{REPLACEMENT CHARACTER}b"
    assert found["payload"]["escaped"] == "\\u0000"
    assert "x" in found["payload"]["lone"]
    await proves_equal(store)


async def test_unknown_tables_columns_and_keys_are_refused_before_they_are_sent(
    store: Store,
) -> None:
    for change in (
        Change("nothing", ("a",), {}),
        Change("task_runs", ("a",), {"colour": "red"}),
        Change("attempts", ("a",), {}),
        Change("runs", ("a",), {}),
    ):
        with pytest.raises(TypeError):
            await store.append([event()], [change], None)
    with pytest.raises(TypeError):
        await store.record([{"table": "executions", "id": "x"}])
    with pytest.raises(TypeError):
        await store.record([{"table": "logs", "colour": "red"}])
    assert await store.execution("e1") == []


async def test_changes_without_an_event_are_kept_too(store: Store) -> None:
    await store.append([], [execution("e9")], None)
    assert (await store.query("execution_row", id="e9"))[0]["state"] == "RUNNING"
    assert await store.execution("") == []
    await proves_equal(store)


async def test_records_keep_their_place_between_appends(store: Store) -> None:
    first = await store.append([event()], [], None)
    await store.record(
        [
            log("one"),
            {"table": "cells", "execution_id": "e1", "cell": 0, "state": "RUNNING"},
            log("two"),
        ]
    )
    second = await store.append([event()], [], None)
    assert second == first + 4
    logs = await store.query("logs_of", execution_id="e1")
    assert [(row["seq"], row["message"], row["ts"]) for row in logs] == [
        (2, "one", NOW),
        (4, "two", NOW),
    ]
    assert [row["seq"] for row in await store.query("cells_of", execution_id="e1")] == [3]


async def test_logs_from_a_level_up_of_a_task_behind_a_seq(store: Store) -> None:
    for level in ("TRACE", "INFO", "ERROR"):
        await store.record(
            [log(level, level=level, task_id="a"), log(level, level=level, task_id="b")]
        )
    await store.flush()
    found = await store.query("logs_of", execution_id="e1", level="INFO", task="a")
    assert [row["message"] for row in found] == ["INFO", "ERROR"]
    assert len(await store.query("logs_of", execution_id="e1", after_seq=found[0]["seq"])) == 3


async def test_many_appends_at_once_share_commits_and_all_return(store: Store) -> None:
    answers = await asyncio.gather(
        *(
            store.append([event(f"e{n % 7}", n=n)], [task_run(f"t{n}", f"e{n % 7}")], None)
            for n in range(300)
        )
    )
    assert sorted(answers) == list(range(1, 301))
    assert (await store.query("select count(*)::integer as n from task_runs"))[0]["n"] == 300
    await proves_equal(store)


async def test_an_append_of_several_executions_puts_each_change_on_its_own_events(
    store: Store,
) -> None:
    await store.append(
        [event("a"), event("b"), event("a")],
        [task_run("ta", "a"), task_run("tb", "b"), execution("b")],
        None,
    )
    rows = await store.query(
        "select execution_id, changes from events where changes is not null order by seq"
    )
    assert {
        row["execution_id"]: sorted(change[1][0] for change in row["changes"]) for row in rows
    } == {
        "a": ["ta"],
        "b": ["b", "tb"],
    }
    await proves_equal(store)


async def test_query_takes_names_selects_and_parameters_and_gives_arrow(store: Store) -> None:
    await store.append(
        [event()], [execution("e1", labels=[{"key": "team", "value": "x"}]), execution("e2")], None
    )
    rows = await store.query("executions_list", namespace="demo", states=["RUNNING"], limit=10)
    assert [row["id"] for row in rows] == ["e2", "e1"]
    assert [
        row["id"]
        for row in await store.query("executions_list", labels=[{"key": "team", "value": "x"}])
    ] == ["e1"]
    assert await store.query("executions_list", since=NOW + timedelta(seconds=1)) == []
    assert await store.query("select $a::integer + 1 as b", a=4) == [{"b": 5}]
    table = await store.query_arrow("execution_row", id="e1")
    assert table.num_rows == 1
    for wrong in ("no_such_query", "select nothing from executions"):
        with pytest.raises(QueryRefused):
            await store.query(wrong)
    with pytest.raises(QueryRefused, match="colour"):
        await store.query("executions_list", colour="red")


async def test_follow_tells_events_changes_and_records_in_one_order(store: Store) -> None:
    follower = store.follow()
    await store.append([event(n=1)], [task_run("t1")], None)
    await store.record([log("line")])
    await store.transact("kv_set", namespace="demo", key="k", value=[1, {"a": None}])
    batches = await collect(follower, 3)
    assert [one["payload"] for batch in batches for one in batch.events] == [{"n": 1}]
    changes = [change for batch in batches for change in batch.changes]
    assert [change.table for change in changes] == ["task_runs", "kv"]
    assert changes[0].values is not None
    assert changes[0].values["state"] == "RUNNING"
    records = [record for batch in batches for record in batch.records]
    assert [(one["table"], one["seq"], one["message"]) for one in records] == [("logs", 2, "line")]
    await follower.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(follower)


async def test_follow_since_begins_with_the_past_and_goes_on_without_a_gap(store: Store) -> None:
    for number in range(1, 41):
        await store.append([event(n=number)], [task_run(f"t{number}")], None)
        if number % 4 == 0:
            await store.record([log(f"line {number}")])
    follower = store.follow(since=10)
    for number in range(41, 61):
        await store.append([event(n=number)], [], None)
    seen: list[int] = []
    records: list[str] = []
    while len(seen) + len(records) < 60:
        batch = await asyncio.wait_for(anext(follower), 10)
        seen += [int(one["seq"]) for one in batch.events]  # type: ignore[call-overload]
        records += [str(one["message"]) for one in batch.records]
    assert seen == sorted(set(seen))
    assert seen[0] == 11
    assert len(seen) == 52
    assert records == [f"line {number}" for number in range(12, 41, 4)]


@pytest.mark.parametrize("since", [None, 0], ids=["live", "from the tables"])
async def test_follow_tells_only_what_was_asked_for(store: Store, since: int | None) -> None:
    async def happen() -> None:
        await store.append([event("e1", "wish", n=1)], [task_run("t1", "e1")], None)
        await store.append([event("e2", n=2)], [task_run("t2", "e2")], None)
        await store.record([log("ours"), log("theirs", execution_id="e2")])
        await store.transact("kv_set", namespace="demo", key="k", value=1)
        await store.append([event("e2", "wish", n=3)], [], None)

    if since is not None:
        await happen()
    wishes = store.follow(since, kinds=["wish"])
    second = store.follow(since, executions=["e2"])
    pairs = store.follow(since, tables=["kv"])
    if since is None:
        await happen()
    told = await collect(wishes, 2)
    assert [one["payload"] for batch in told for one in batch.events] == [{"n": 1}, {"n": 3}]
    assert [batch for batch in told if batch.changes or batch.records] == []
    told = await collect(second, 3)
    assert [one["payload"] for batch in told for one in batch.events] == [{"n": 2}, {"n": 3}]
    assert [change.key for batch in told for change in batch.changes] == [("t2",)]
    assert [one["message"] for batch in told for one in batch.records] == ["theirs"]
    (batch,) = await collect(pairs, 1)
    assert [change.key for change in batch.changes] == [("demo", "k")]
    assert (batch.events, batch.records) == ((), ())


async def test_a_filtered_follower_meets_the_next_storekeeper(place: Any) -> None:
    from flowbook.store.rows import HostInfo

    async with await Store.open(place, host=HostInfo.here("h", "script")) as store:
        wishes = store.follow(kinds=["wish"])
        await store.append([event("e1", "wish", n=1)], [], None)
        await collect(wishes, 1)
        await store.append([event("e1", n=2)], [], None)
        assert store.keeper_pid is not None
        os.kill(store.keeper_pid, signal.SIGKILL)
        await store.append([event("e1", n=3), event("e1", "wish", n=4)], [], None)
        (batch,) = await collect(wishes, 1)
        assert [one["payload"] for one in batch.events] == [{"n": 4}]


async def test_records_come_as_they_were_given(store: Store) -> None:
    given = [
        {"table": "metrics", "execution_id": "e1", "ts": NOW, "name": "m", "value": float("nan")},
        {"table": "metrics", "execution_id": "e1", "ts": NOW.isoformat(), "value": 2},
        {"table": "metrics", "execution_id": "e1", "tags": {"a": ["\0", 'q"']}, "name": "n\0m"},
        log("line \ud800", attempt=3),
        {"table": "logs"},
        *(log(f"line {number}") for number in range(20)),
    ]
    live, late = store.follow(), None
    await store.record(given)
    told = [row for batch in await collect(live, len(given)) for row in batch.records]
    late = store.follow(since=0)
    again = [row for batch in await collect(late, len(given)) for row in batch.records]
    by_seq = {row["seq"]: row for row in again}
    assert [row["seq"] for row in told] == list(range(1, len(given) + 1))
    assert [{**by_seq[row["seq"]], **row} for row in told] == [by_seq[row["seq"]] for row in told]
    assert [row.get("ts") for row in told[:3]] == [NOW.isoformat(), NOW.isoformat(), None]
    assert [row["value"] for row in told[:3]] == [None, 2.0, None]
    assert told[2]["tags"] == {"a": ["\N{REPLACEMENT CHARACTER}", 'q"']}
    assert told[2]["name"] == "n\N{REPLACEMENT CHARACTER}m"
    assert str(told[3]["message"]).startswith("line ")
    rows = await store.query("select seq, message from logs order by seq")
    assert len(rows) == 22
    assert rows[-1]["message"] == "line 19"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"table": "events"}, "isn't a table of records"),
        ({"table": "logs", "colour": "red"}, "logs has no column colour"),
        ({"table": "logs", "attempt": 2**40}, "logs.attempt: .* out of range"),
        ({"table": "logs", "ts": "yesterday"}, "logs.ts: .*yesterday"),
    ],
    ids=["table", "column", "number", "time"],
)
async def test_a_record_that_does_not_fit_is_refused(
    store: Store, row: dict[str, Any], problem: str
) -> None:
    with pytest.raises(TypeError, match=problem):
        await store.record([row])


async def test_follow_since_the_middle_of_a_commit(store: Store) -> None:
    await store.append([event(n=n) for n in range(5)], [task_run("t")], None)
    (batch,) = await collect(store.follow(since=3), 2)
    assert [one["seq"] for one in batch.events] == [4, 5]
    assert [change.key for change in batch.changes] == [("t",)]


async def test_a_follower_that_reads_late_still_gets_everything(store: Store) -> None:
    follower = store.follow()
    big = "x" * 200_000
    for number in range(150):  # 30 MB: more than the storekeeper keeps in memory
        await store.append([event(n=number, big=big)], [], None)
    batches = await collect(follower, 150)
    assert [one["payload"]["n"] for batch in batches for one in batch.events] == list(range(150))


async def test_closing_makes_what_was_recorded_durable(place: Any) -> None:
    from flowbook.store.rows import HostInfo

    host = HostInfo.here("h", "script")
    async with await Store.open(place, host=host, embedded=True) as store:
        await store.record([log(str(n)) for n in range(50)])
    async with await Store.open(place, host=host, embedded=True) as store:
        assert len(await store.query("logs_of", execution_id="e1")) == 50


def log(message: str, **values: Any) -> dict[str, Any]:
    given = {"execution_id": "e1", "task_id": "t", "ts": NOW, "level": "INFO", "message": message}
    return {"table": "logs", **given, **values}


async def collect(follower: Any, rows: int) -> list[Batch]:
    """Batches until they hold so many rows."""
    batches: list[Batch] = []
    count = 0
    while count < rows:
        batch = await asyncio.wait_for(anext(follower), 10)
        batches.append(batch)
        count += (
            len(batch.events) + len(batch.records) + (0 if batch.events else len(batch.changes))
        )
    return batches
