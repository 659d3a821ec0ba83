"""Named queries that compute something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from flowbook.store.client import Store
from flowbook.store.named import parse, statements
from flowbook.store.rows import Change, HostInfo
from flowbook.workspace.place import Place

from .conftest import NOW, event, task_run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with await Store.open(
        place, host=HostInfo.here("host-1", "script"), embedded=True
    ) as store:
        yield store


async def test_every_named_query_runs_and_says_what_it_is_for(store: Store) -> None:
    for name, statement in statements().items():
        assert statement.purpose.endswith("."), name
        await store.query(name, **{"now": NOW} if "now" in statement.parameters else {})


async def test_how_long_cells_usually_take(store: Store) -> None:
    keys = {"namespace": "demo", "flow_id": "etl", "task_id": "report"}
    for run, seconds in enumerate((1, 2, 30)):
        for cell in range(2):
            base = {
                "table": "cells",
                "execution_id": f"e{run}",
                "cell": cell,
                "started_at": NOW,
                **keys,
            }
            await store.record([{**base, "state": "RUNNING"}])
            ended = NOW + timedelta(seconds=seconds * (cell + 1))
            await store.record([{**base, "state": "DONE", "ended_at": ended}])
    await store.record(
        [
            {
                "table": "cells",
                "execution_id": "e9",
                "cell": 0,
                "state": "FAILED",
                "started_at": NOW,
                "ended_at": NOW,
                **keys,
            }
        ]
    )
    await store.flush()
    rows = await store.query("cell_durations", **keys)
    assert [(row["cell"], row["seconds"], row["runs"]) for row in rows] == [
        (0, 2.0, 3),
        (1, 4.0, 3),
    ]
    assert [row["state"] for row in await store.query("cells_of", execution_id="e0")] == [
        "DONE",
        "DONE",
    ]


async def test_how_long_tasks_usually_take(store: Store) -> None:
    keys = {"namespace": "demo", "flow_id": "etl", "task_id": "load"}
    changes = [
        task_run(
            f"t{n}",
            f"e{n}",
            state,
            started_at=NOW,
            ended_at=NOW + timedelta(seconds=seconds),
            **keys,
        )
        for n, (state, seconds) in enumerate(
            (("SUCCESS", 1), ("SUCCESS", 3), ("WARNING", 5), ("FAILED", 99))
        )
    ]
    await store.append([event()], changes, None)
    assert await store.query("task_durations", namespace="demo", flow_id="etl") == [
        {"task_id": "load", "seconds": 3.0, "runs": 3, "rest": None}
    ]


async def test_triggers_come_next_fire_first(store: Store) -> None:
    for name, hours in (("late", 5), ("soon", 1)):
        await store.transact(
            "save_trigger",
            namespace="demo",
            flow_id="etl",
            trigger_id=name,
            next_date=NOW + timedelta(hours=hours),
        )
    await store.append([event()], [Change("triggers", ("demo", "etl", "never"), {})], None)
    rows = await store.query("triggers_list", namespace="demo")
    assert [row["trigger_id"] for row in rows] == ["soon", "late", "never"]
    (row,) = await store.transact(
        "save_trigger", namespace="demo", flow_id="etl", trigger_id="soon", disabled=True
    )
    assert (row["disabled"], row["next_date"]) == (True, NOW + timedelta(hours=1))


async def test_a_namespace_stands_for_those_below_it(store: Store) -> None:
    for namespace in ("acme", "acme.sales", "acmes"):
        await store.transact(
            "save_flow", namespace=namespace, id="f", source=f"id: f # {namespace}"
        )
    assert [row["namespace"] for row in await store.query("flows_latest", namespace="acme")] == [
        "acme",
        "acme.sales",
    ]
    assert [row["namespace"] for row in await store.query("flows_latest", q="SALES")] == [
        "acme.sales"
    ]
    assert [row["id"] for row in await store.query("namespaces_list")] == [
        "acme",
        "acme.sales",
        "acmes",
    ]


def test_statements_are_read_with_their_purpose_and_parameters() -> None:
    (one, two) = parse(
        "-- name: one\n-- What it does.\nselect $a::int, '$' || $b\n;\n-- name: two\n-- Other.\nselect 1\n"
    )
    assert (one.name, one.purpose, one.parameters) == ("one", "What it does.", {"a", "b"})
    assert one.bind({"a": 1}) == {"a": 1, "b": None}
    assert two.sql == "select 1"
