"""Users' SQL reads everything and changes nothing, within its bounds."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flowbook.storage.files import Storage
from flowbook.store.client import Store
from flowbook.store.rows import Change, HostInfo, QueryRefused
from flowbook.store.sql import Limits
from flowbook.workspace.place import Place

from .conftest import event, execution, task_run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with await Store.open(
        place, host=HostInfo.here("host-1", "script"), embedded=True
    ) as store:
        yield store


async def stored(
    store: Store,
    place: Place,
    run: str,
    created: str,
    name: str = "frame",
    values: tuple[int, ...] = (1, 2),
) -> str:
    """A task run that has stored a table."""
    import pyarrow
    import pyarrow.parquet

    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"x": values}), sink)
    storage = Storage(place.storage)
    uri = storage.put(
        storage.task_prefix("demo", "etl", run, "load", "t"),
        f"{name}.parquet",
        source=sink.getvalue(),
    )
    state = "SUCCESS"
    await store.append(
        [event(run)],
        [
            execution(run, state, created_at=created),
            task_run(f"t-{run}", run, state, task_id="load"),
            Change(
                "artifacts",
                (uri,),
                {"execution_id": run, "task_run_id": f"t-{run}", "task_id": "load", "name": name},
            ),
        ],
        None,
    )
    return uri


async def test_views_with_names_people_guess(store: Store) -> None:
    error = {"message": "no such host"}
    await store.append(
        [event()],
        [execution("e1", "FAILED", error=error), task_run("t1", task_id="load", error=error)],
        None,
    )
    assert (await store.sql("select id, flow, state, error from runs")).to_pylist() == [
        {"id": "e1", "flow": "demo.etl", "state": "FAILED", "error": "no such host"}
    ]
    assert (await store.sql("from tasks select task, error;")).to_pylist() == [
        {"task": "load", "error": "no such host"}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "drop table executions",
        "delete from executions",
        "insert into kv (namespace, key) values ('a', 'b')",
        "with x as (insert into kv (namespace, key) values ('a', 'b') returning key) select * from x",
        "copy executions to '{storage}/out.csv'",
        "copy (select 1) to '{outside}'",
        "attach '{storage}/other.duckdb' as other",
        "set memory_limit = '100GB'",
        "set variable x = 1",
        "pragma database_size",
        "checkpoint",
        "install httpfs",
        "load httpfs",
        "call pragma_version()",
        "begin",
        "create temp table t as select 1",
        "create macro f(x) as x",
        "export database '{storage}'",
        "explain analyze delete from executions",
        "prepare p as delete from executions",
        "select 1; drop table executions",
        "",
    ],
)
async def test_anything_but_one_select_is_refused(
    store: Store, place: Place, tmp_path: Path, text: str
) -> None:
    await store.append([event()], [execution("e1")], None)
    with pytest.raises(QueryRefused):
        await store.sql(text.format(storage=place.storage, outside=tmp_path / "out.csv"))
    assert len(await store.query("select * from executions")) == 1
    assert list(place.storage.iterdir()) == []
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "text",
    [
        "select * from read_text('{secret}')",
        "select * from read_csv('{secret}')",
        "select * from '{secret}'",
        "select * from read_text('{storage}/../secret.key')",
        "select * from read_text('{storage}/link')",
        "select * from read_blob('{storage}/../*')",
        "select * from glob('/etc/*')",
        "select * from read_duckdb('{database}')",
        "select * from query('copy (select 1) to ''{storage}/x.csv''')",
        "select * from query_table('{secret}')",
        "select getenv('HOME')",
        "select * from read_parquet('http://127.0.0.1:1/x.parquet')",
        "select * from frame",
    ],
)
async def test_no_file_outside_the_storage_is_read(store: Store, place: Place, text: str) -> None:
    frame = [{"a": "a variable of this very process"}]
    place.secret_key.write_text("the key\n")
    (place.storage / "link").symlink_to(place.secret_key)
    try:
        found = await store.sql(
            text.format(secret=place.secret_key, storage=place.storage, database=place.database)
        )
    except QueryRefused:
        return
    assert "the key" not in str(found.to_pylist())
    assert found.num_rows == 0, frame


async def test_a_mistake_is_told_with_its_place(store: Store) -> None:
    with pytest.raises(QueryRefused, match=r"line 2, column 5"):
        await store.sql("select 1\nfrm executions")
    with pytest.raises(QueryRefused, match="executions"):
        await store.sql("select * from execution")


async def test_time_is_bounded_and_others_go_on_meanwhile(store: Store) -> None:
    slow = asyncio.create_task(store.sql("select count(*) from range(1000000000000)", seconds=0.5))
    start = time.monotonic()
    assert await store.append([event()], [execution("e1")], None) == 1
    assert len(await store.query("executions_list")) == 1
    assert not slow.done() or time.monotonic() - start > 0.4
    with pytest.raises(QueryRefused, match=r"more than 0\.5 s"):
        await slow


async def test_memory_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import flowbook.store.keeper as keeper

    monkeypatch.setattr(keeper, "Limits", lambda: Limits(memory=100 << 20))
    with pytest.raises(QueryRefused, match="100 MiB of memory"):
        await store.sql(
            "select max(l) from (select list(range::varchar || repeat('x', 50)) as l from range(50000000))"
        )
    assert (await store.sql("select 1 as a")).to_pylist() == [{"a": 1}]


async def test_an_answer_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import flowbook.store.keeper as keeper

    monkeypatch.setattr(keeper, "Limits", lambda: Limits(answer=1 << 20))
    with pytest.raises(QueryRefused, match="LIMIT"):
        await store.sql("select repeat('x', 1000) from range(100000)")


async def test_cancelling_the_call_interrupts_the_statement(store: Store) -> None:
    for _ in range(4):  # more than there are threads for users' statements
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.sql("select count(*) from range(1000000000000)"), 0.2)
    assert (await asyncio.wait_for(store.sql("select 1 as a"), 10)).to_pylist() == [{"a": 1}]


async def test_outputs_are_tables(store: Store, place: Place) -> None:
    await stored(store, place, "old", "2026-11-01T00:00:00+00:00", values=(1, 2))
    await stored(store, place, "new", "2026-11-20T00:00:00+00:00", values=(3, 4, 5))
    for text, total in (
        ("select sum(x)::integer as n from outputs('demo.etl', 'load')", 12),
        ("select sum(x)::integer as n from outputs('demo.etl', 'load', 'frame')", 12),
        ("select sum(x)::integer as n from outputs('demo.etl', 'load', run := 'old')", 3),
        ("select sum(x)::integer as n from outputs('demo.etl', 'load', as_of := '2026-11-02')", 3),
        (
            "select sum(x)::integer as n from outputs('demo.etl', 'load', as_of := date '2026-11-02')",
            3,
        ),
        (
            "with a as (select * from outputs('demo.etl', 'load')), b as (select * from outputs('demo.etl', 'load', "
            "run := 'old')) select (select sum(x) from a)::integer - (select sum(x) from b)::integer as n",
            9,
        ),
    ):
        assert (await store.sql(text)).to_pylist() == [{"n": total}], text


async def test_outputs_say_what_is_there_when_it_is_something_else(
    store: Store, place: Place
) -> None:
    await stored(store, place, "r", "2026-11-01T00:00:00+00:00", "frame")
    await stored(store, place, "r", "2026-11-01T00:00:00+00:00", "other")
    for text, told in (
        ("outputs('demo.etl', 'load')", "'frame', 'other'"),
        ("outputs('demo.etl', 'load', 'third')", "'frame', 'other'"),
        ("outputs('demo.etl', 'nothing')", "no table"),
        ("outputs('demo.etl')", "namespace.flow"),
        ("outputs('demo.etl', lower('LOAD'))", "constants"),
        ("outputs('demo.etl', 'load', run := 'r', as_of := '2026-01-01')", "namespace.flow"),
        ("outputs('demo.etl', 'load', as_of := 'soon')", "2026-11-01"),
    ):
        with pytest.raises(QueryRefused, match=told):
            await store.sql(f"select * from {text}")
