"""The tables of the history, brought up behind the journal: the books, and the latest-state tables that
are made from nothing but the changes of events.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Sequence, Set
from typing import Any

from .blocks import Tables, length
from .books import Kept, enter, enter_each, transaction
from .duckdb import Database, does_not_fit

PAGE = 1000
"""Events whose changes are taken together."""
TOGETHER = 5000
"""Rows that one statement writes: it costs as much as some hundred of them."""
NOT_HISTORY = frozenset({"leases"})
BOOKS = frozenset({"meta", "events", "seen", "logs", "metrics", "cells"})
"""Tables that don't follow from events: they are brought up together, from the journal's entries."""
_log = logging.getLogger(__name__)

Row = tuple[str, str, str | None]
"""A change as it travels: table, primary key as a JSON array, the whole row as an object (None deletes)."""
Rows = dict[str, dict[str, str | None]]
"""The latest change of each row, by table and key."""


class Projection:
    """What is durable in the journal and waits to be brought into the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor = database.cursor()
        self._waiting: Rows = {}
        self._writing: Rows = {}
        self._books: list[Kept] = []
        self._settling: list[Kept] = []
        self._seq = 0
        self._note = threading.Lock()  # held for moments: what waits
        self.lock = threading.RLock()  # held while tables change
        self.projected = self._number("projected_seq")
        self.settled = self._number("settled_seq")
        """The `seq` up to which the books have what the journal has."""

    @property
    def count(self) -> int:
        """How many rows wait."""
        books = sum(sum(map(length, tables.values())) for _, tables in tuple(self._books))
        return books + sum(map(len, tuple(self._waiting.values())))

    def take(self, tables: Tables, changes: Iterable[Row], seq: int) -> None:
        """Rows of books that are in the journal, and changes that are durable up to `seq`; the last of a row wins."""
        with self._note:
            if tables:
                self._books.append((seq, tables))
            for table, key, values in changes:
                self._waiting.setdefault(table, {})[key] = values
            self._seq = seq

    def apply(self, tables: Set[str] | None = None, about: str = "[") -> None:
        """Bring the tables, or some of them, up to all that was taken, if that is about rows whose keys
        begin so."""
        if not self._is_behind(tables, about):
            return
        with self.lock:
            with self._note:
                names = set(self._waiting) if tables is None else tables & self._waiting.keys()
                waiting = {name: self._waiting.pop(name) for name in names}
                books: list[Kept] = []
                if tables is None or tables & BOOKS:
                    books, self._books = self._books, []
                seq = self._seq
                self._writing, self._settling = waiting, books
                projected = None if self._waiting or self._books else seq
            try:
                if waiting or books:
                    self._write(waiting, books, projected)
            except BaseException:
                with self._note:  # older than what was taken meanwhile: put back underneath
                    self._books = books + self._books
                    for table, rows in waiting.items():
                        self._waiting[table] = {**rows, **self._waiting.get(table, {})}
                raise
            finally:
                self._writing, self._settling = {}, []

    def _is_behind(self, tables: Set[str] | None, about: str) -> bool:
        with self._note:
            if (self._books or self._settling) and (tables is None or tables & BOOKS):
                return True
            late = self._waiting.keys() | self._writing.keys()
            if about != "[" and tables is not None:
                late = {name for name in late & tables if self._says(name, about)}
        return bool(late if tables is None else late & tables)

    def _says(self, table: str, about: str) -> bool:
        """Whether a row with such a key waits or is being written."""
        ends = f"{about}]", f"{about},"
        return any(
            key.startswith(ends)
            for some in (self._waiting, self._writing)
            for key in some.get(table, ())
        )

    def catch_up(self) -> int:
        """On opening: apply what the last keeper made durable but didn't project. How many changes."""
        total = 0
        while page := self._page(self._cursor, self.projected):
            last, rows = page
            self._write(_latest(rows), [], last)
            total += len(rows)
        return total

    def rebuild(self, cursor: Any, seq: int) -> tuple[None, None]:
        """Empty the tables and make them again from the events, in a transaction somebody else commits."""
        for name in self.tables():
            cursor.execute(f'delete from "{name}"')
        at = 0
        while page := self._page(cursor, at):
            at, rows = page
            self._put(cursor, _latest(rows))
        return None, None

    def tables(self) -> list[str]:
        """The tables that follow from events."""
        return sorted(self._database.tables.keys() - BOOKS - NOT_HISTORY)

    def _page(self, cursor: Any, after: int) -> tuple[int, list[Row]] | None:
        """The next page of changes behind `after`, and the `seq` it reaches."""
        found = cursor.execute(
            "select max(seq) from (select seq from events where seq > $1 and changes is not null "
            f"order by seq limit {PAGE})",
            [after],
        ).fetchone()
        if found is None or found[0] is None:
            return None
        return found[0], changes_between(cursor, after, found[0])

    def _write(self, waiting: Rows, books: list[Kept], projected: int | None) -> None:
        """Add rows of books and apply changes; with `projected`, all up to there are in the tables then."""
        cursor = self._cursor
        settled = books[-1][0] if books else self.settled
        try:
            with transaction(cursor):
                enter(self._database, cursor, books)
                self._put(cursor, waiting)
                self._mark(cursor, projected)
        except Exception as error:
            if not does_not_fit(error):
                raise
            enter_each(self._database, cursor, books)
            self._put_each(cursor, waiting)
            with transaction(cursor):
                self._mark(cursor, projected)
        self.settled = settled
        if projected is not None:
            self.projected = projected

    def _mark(self, cursor: Any, projected: int | None) -> None:
        if projected is not None:
            cursor.execute(
                "update meta set value = ? where name = 'projected_seq'", [str(projected)]
            )

    def _put_each(self, cursor: Any, waiting: Rows) -> None:
        """The same row by row: one that a table doesn't take can't hold the others back for ever."""
        for table, rows in waiting.items():
            for key, values in rows.items():
                try:
                    with transaction(cursor):
                        self._put(cursor, {table: {key: values}})
                except Exception as error:
                    if not does_not_fit(error):
                        raise
                    _log.error("a row that doesn't fit into %s was left out: %s", table, error)

    def _put(self, cursor: Any, waiting: Rows) -> None:
        for table, rows in waiting.items():
            if table not in self._database.tables:
                _log.error("a change of a table that doesn't exist was left out: %s", table)
                continue
            gone = [json.loads(key) for key, values in rows.items() if values is None]
            present = [values for values in rows.values() if values is not None]
            if gone:
                self._database.delete(cursor, table, gone)
            for start in range(0, len(present), TOGETHER):
                self._database.put(cursor, table, present[start : start + TOGETHER])

    def _number(self, name: str) -> int:
        row = self._cursor.execute("select value from meta where name = ?", [name]).fetchone()
        return int(row[0]) if row else 0


def changes_between(
    cursor: Any, after: int, until: int, executions: Sequence[str] | None = None
) -> list[Row]:
    """The changes of events with `after < seq <= until`, of all executions or of some, in order.

    DuckDB takes them apart, so that a row's text is the same bytes as when it was first applied.
    """
    found = cursor.execute(
        "select c->>0, c->1, c->2 from (select seq, unnest(from_json(changes, '[\"JSON\"]')) as c, "
        "generate_subscripts(from_json(changes, '[\"JSON\"]'), 1) as i from events "
        "where seq > $1 and seq <= $2 and changes is not null "
        "and ($3::varchar[] is null or list_contains($3::varchar[], execution_id))) order by seq, i",
        [after, until, executions],
    ).fetchall()
    return [
        (table, key, None if values in (None, "null") else values) for table, key, values in found
    ]


def _latest(changes: Iterable[Row]) -> Rows:
    waiting: Rows = {}
    for table, key, values in changes:
        waiting.setdefault(table, {})[key] = values
    return waiting
