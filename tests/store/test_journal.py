"""What was acknowledged is in the journal before it is in the tables: nothing lost, nothing twice."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from flowbook.store.client import Store
from flowbook.store.duckdb import Database
from flowbook.store.journal import Entry, Journal
from flowbook.store.project import Projection
from flowbook.store.recovery import newest, recover
from flowbook.store.rows import HostInfo
from flowbook.store.writer import EVENT, MANY
from flowbook.workspace.place import Place

from .conftest import NOW, end_keeper, event, proves_equal, task_run

HOST = HostInfo.here("host-1", "script")


def entry(before: int, seqs: Sequence[int], text: str = "{}") -> Entry:
    """Events with these numbers, each with the change of a row."""
    rows = [
        (seq, "e1", 1_000_000 * seq, "Happened", text, change(seq), "client", seq) for seq in seqs
    ]
    events = dict(zip(EVENT, (list(column) for column in zip(*rows, strict=True)), strict=True))
    return Entry(before, seqs[-1], {"events": events})


def change(seq: int) -> str:
    return f'[["task_runs",["t"],{{"id":"t","execution_id":"e1","position":{seq}}}]]'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.duckdb.journal"


def test_entries_come_back_as_they_were_added(path: Path) -> None:
    added = [entry(0, [1]), entry(1, [2, 3]), entry(7, [8], text='"\\u00e9 ☃"')]
    assert read(path) == []
    journal = Journal(path)
    for one in added:
        journal.add(one)
    assert (journal.seq, journal.size) == (8, path.stat().st_size)
    assert read(path) == added
    journal.close(needed=True)
    assert read(path) == added
    Journal(path).close(needed=False)
    assert not path.exists()


def test_an_entry_cut_short_at_any_byte_is_none(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    journal.add(entry(0, [1]))
    whole = journal.size
    journal.add(entry(1, [2]))
    data = path.read_bytes()
    copy = tmp_path / "copy"
    for length in range(whole, len(data)):
        copy.write_bytes(data[:length])
        assert read(copy) == [entry(0, [1])], length
        copy.write_bytes(data[:length] + bytes(len(data) - length))
        if data[length:].strip(b"\0"):
            assert read(copy) == [entry(0, [1])], length


def test_what_an_older_round_has_left_is_no_sequel(path: Path) -> None:
    journal = Journal(path)
    for seq in range(1, 9):
        journal.add(entry(seq - 1, [seq]))
    old = path.stat().st_size
    journal.start_over()
    journal.add(entry(8, [9]))
    assert path.stat().st_size == old
    assert read(path) == [entry(8, [9])]


def test_an_entry_without_room_is_refused_and_the_next_takes_its_place(path: Path) -> None:
    journal = Journal(path)
    journal.add(entry(0, [1]))
    with at_most(journal.size + 40), pytest.raises(OSError, match="File too large"):
        journal.add(entry(1, [2]))
    assert (journal.seq, read(path)) == (1, [entry(0, [1])])
    journal.add(entry(1, [2], text='"again"'))
    assert read(path) == [entry(0, [1]), entry(1, [2], text='"again"')]


class at_most:
    """No file of this process may become larger than so many bytes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def read(path: Path) -> list[Entry]:
    return list(Journal(path).entries())


# -- back into the tables ------------------------------------------------------------------------


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "history.duckdb", tmp_path)
    yield database
    database.close()


def seqs(database: Database) -> list[int]:
    found = database.cursor().execute("select seq from events order by seq").fetchall()
    return [seq for (seq,) in found]


def test_what_the_tables_have_is_not_taken_again(history: Database, path: Path) -> None:
    journal = Journal(path)
    journal.add(entry(0, [1, 2]))
    recover(history, journal)
    recover(history, journal)
    assert seqs(history) == [1, 2]
    journal.add(entry(2, [3]))
    recover(history, journal)
    assert (seqs(history), newest(history.cursor())) == ([1, 2, 3], 3)
    assert Projection(history).settled == 3


def test_the_latest_state_follows_from_what_came_back(history: Database, path: Path) -> None:
    journal = Journal(path)
    for seq in range(1, 6):
        journal.add(entry(seq - 1, [seq]))
    recover(history, journal)
    Projection(history).catch_up()
    assert history.cursor().execute("select id, position from task_runs").fetchall() == [("t", 5)]


def test_a_journal_of_another_history_is_set_aside(
    history: Database, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(path)
    journal.add(entry(400, [401]))
    before = path.read_bytes()
    recover(history, journal)
    assert seqs(history) == []
    kept = path.with_name(f"{path.name}.other")
    assert (path.exists(), kept.read_bytes()) == (False, before)
    assert str(kept) in caplog.text


# -- with a storekeeper --------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_killed_storekeepers_last_words_are_found(place: Place) -> None:
    """Small commits and one that goes straight into the tables, in the order they were made."""
    path = place.database.with_name(f"{place.database.name}.journal")
    async with await Store.open(place, host=HOST) as store:
        for round in range(4):
            for number in range(5):
                await store.append([event(n=[round, number])], [task_run("t")], None)
            await store.append([event(n=[round, n]) for n in range(5, MANY + 9)], (), None)
            await store.append([event(n=[round, "last"])], [task_run("t", position=round)], None)
            assert store.keeper_pid is not None
            os.kill(store.keeper_pid, signal.SIGKILL)
            assert [one.seq for one in read(path)][-1:] == [(round + 1) * (MANY + 10)]
        found = await store.execution("e1")
        wanted = [[r, n] for r in range(4) for n in [*range(MANY + 9), "last"]]
        assert [row["payload"]["n"] for row in found] == wanted
        assert [row["seq"] for row in found] == list(range(1, len(wanted) + 1))
        await proves_equal(store)
    end_keeper(place)
    assert not path.exists()


@pytest.mark.anyio
async def test_a_backup_without_its_journal_and_a_journal_without_its_history(place: Place) -> None:
    """An older copy of the history does not get what came after it."""
    async with await Store.open(place, host=HOST) as store:
        await store.append([event(n=1)], [], None)
    end_keeper(place)
    backup = place.database.with_name("backup")
    shutil.copyfile(place.database, backup)
    async with await Store.open(place, host=HOST) as store:
        for number in range(2, 9):
            await store.append([event(n=number)], [], None)
            await store.query("select count(*) from events")
        await store.append([event(n=9)], [], None)
        end_keeper(place, signal.SIGKILL)
        shutil.copyfile(backup, place.database)
        place.database.with_name(f"{place.database.name}.wal").unlink(missing_ok=True)
        assert [row["payload"]["n"] for row in await store.execution("e1")] == [1]
        assert list(place.internal.glob("*.journal.other"))
        await store.append([event(n=10)], [], None)
        assert [row["payload"]["n"] for row in await store.execution("e1")] == [1, 10]


def test_times_are_as_they_were(history: Database, path: Path) -> None:
    journal = Journal(path)
    journal.add(entry(0, [1]))
    recover(history, journal)
    [row] = history.rows(history.cursor(), "select ts, payload from events")
    assert (row["ts"].year, row["ts"].tzinfo, row["payload"]) == (1970, NOW.tzinfo, {})


def test_what_fails_for_another_reason_is_kept_and_comes_later(
    history: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are blamed only for what they are: without memory nothing is refused, and nothing lost."""
    projection = Projection(history)
    projection.take(entry(0, [1]).tables, [("task_runs", '["t"]', '{"id":"t"}')], 1)
    insert = history.insert

    def without_memory(*_: object) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")

    monkeypatch.setattr(history, "insert", without_memory)
    with pytest.raises(duckdb.OutOfMemoryException):
        projection.apply()
    monkeypatch.setattr(history, "insert", insert)
    assert projection.count == 2
    projection.apply()
    assert (seqs(history), projection.settled) == ([1], 1)
    assert not history.path.with_name(f"{history.path.name}.refused").exists()
