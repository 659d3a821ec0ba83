"""Files of other ages: an older one is brought up with a copy kept, a newer one is left alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
import pytest

from flowbook.errors import WorkspaceError
from flowbook.store import duckdb as database
from flowbook.store.client import Store
from flowbook.store.rows import HostInfo
from flowbook.workspace.place import VERSION, Place

from .conftest import end_keeper, event, execution, proves_equal

pytestmark = pytest.mark.anyio
HOST = HostInfo.here("host-1", "script")


def digest(place: Place) -> dict[str, str]:
    files = [path for path in place.internal.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def filled(place: Place) -> None:
    async with await Store.open(place, host=HOST, embedded=True) as store:
        await store.append([event()], [execution("e1")], None)


@pytest.mark.parametrize("embedded", [True, False])
async def test_a_history_of_a_newer_flowbook_is_refused_and_untouched(
    place: Place, embedded: bool
) -> None:
    await filled(place)
    connection = duckdb.connect(str(place.database))
    connection.execute("update meta set value = '9999' where name = 'schema'")
    connection.close()
    before = digest(place)
    for _ in range(2):
        with pytest.raises(WorkspaceError, match=r"newer flowbook.*9999") as refused:
            await Store.open(place, host=HOST, embedded=embedded)
        assert "pip install --upgrade flowbook" in str(refused.value)
    end_keeper(place)
    after = {
        path: found for path, found in digest(place).items() if not path.endswith("in-use.json")
    }
    assert after == before


async def test_a_newer_history_with_a_log_beside_it_is_untouched_too(place: Place) -> None:
    await filled(place)
    connection = duckdb.connect(str(place.database))
    connection.execute("pragma disable_checkpoint_on_shutdown")
    connection.execute("update meta set value = '9999' where name = 'schema'")
    connection.close()
    assert Path(f"{place.database}.wal").exists()
    before = digest(place)
    with pytest.raises(WorkspaceError, match="newer flowbook"):
        await Store.open(place, host=HOST, embedded=True)
    assert digest(place) == before


async def test_a_workspace_of_a_newer_flowbook_is_refused_and_untouched(place: Place) -> None:
    await filled(place)
    place.marker.write_text(json.dumps({"id": place.id, "version": VERSION + 1}))
    before = digest(place)
    with pytest.raises(WorkspaceError, match=f"layout {VERSION + 1}"):
        await Store.open(place, host=HOST)
    assert digest(place) == before


async def test_an_older_history_is_brought_up_and_a_copy_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(place)
    present = database.migrations()
    number = present[-1][0] + 1
    added = (
        number,
        f"{number:04}-mood.sql",
        "alter table executions add column mood varchar default 'calm';",
    )
    monkeypatch.setattr(database, "migrations", lambda: [*present, added])
    async with await Store.open(place, host=HOST, embedded=True) as store:
        assert (await store.query("execution_row", id="e1"))[0]["mood"] == "calm"
        await store.append([event("e2")], [execution("e2", mood="bright")], None)
        assert (await store.query("execution_row", id="e2"))[0]["mood"] == "bright"
    copy = place.database.with_name(f"{place.database.name}.before-{number:04}")
    kept = duckdb.connect(str(copy), read_only=True)
    assert kept.execute("select id from executions").fetchall() == [("e1",)]
    assert kept.execute("select value from meta where name = 'schema'").fetchall() == [
        (str(number - 1),)
    ]


async def test_a_migration_that_fails_leaves_the_history_as_it_was(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(place)
    present = database.migrations()
    number = present[-1][0] + 1
    broken = (
        number,
        "x",
        "alter table executions add column mood varchar; select nothing from nowhere;",
    )
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations", lambda: [*present, broken])
        with pytest.raises(WorkspaceError, match="can't be opened"):
            await Store.open(place, host=HOST, embedded=True)
    async with await Store.open(place, host=HOST, embedded=True) as store:
        assert "mood" not in (await store.query("execution_row", id="e1"))[0]
        await proves_equal(store)


async def test_what_the_last_keeper_did_not_project_is_projected_on_opening(place: Place) -> None:
    await filled(place)
    connection = duckdb.connect(str(place.database))
    connection.execute(
        "delete from executions; update meta set value = '0' where name = 'projected_seq'"
    )
    connection.close()
    async with await Store.open(place, host=HOST, embedded=True) as store:
        assert [row["id"] for row in await store.query("executions_list")] == ["e1"]


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [number for number, _, _ in database.migrations()] == list(
        range(1, len(database.migrations()) + 1)
    )
