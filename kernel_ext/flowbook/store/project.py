"""The latest-state tables, kept behind the events and made from nothing but their changes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Sequence, Set
from typing import Any

from .duckdb import Database

PAGE = 1000
"""Events whose changes are taken together."""
TOGETHER = 5000
"""Rows that one statement writes: it costs as much as some hundred of them."""
NOT_HISTORY = frozenset({"leases"})
BOOKS = frozenset({"meta", "events", "seen", "logs", "metrics", "cells"})
"""Tables that don't follow from events: they are never behind."""
_log = logging.getLogger(__name__)

Row = tuple[str, str, str | None]
"""A change as it travels: table, primary key as a JSON array, the whole row as an object (None deletes)."""
Rows = dict[str, dict[str, str | None]]
"""The latest change of each row, by table and key."""


class Projection:
    """Changes that are durable in `events` and wait to be applied to their tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor = database.cursor()
        self._waiting: Rows = {}
        self._writing: Rows = {}
        self._seq = 0
        self._note = threading.Lock()  # held for moments: what waits
        self.lock = threading.RLock()  # held while tables change
        self.projected = int(self._meta("projected_seq"))

    @property
    def count(self) -> int:
        """How many rows wait."""
        return sum(map(len, tuple(self._waiting.values())))

    def note(self, changes: Iterable[Row], seq: int) -> None:
        """Take changes that were made durable up to `seq`; the last one of a row wins."""
        with self._note:
            for table, key, values in changes:
                self._waiting.setdefault(table, {})[key] = values
            self._seq = seq

    def apply(self, tables: Set[str] | None = None, about: str = "[") -> None:
        """Bring the tables, or some of them, up to all that was noted, if that is about rows whose keys
        begin so."""
        if not self._is_behind(tables, about):
            return
        with self.lock:
            with self._note:
                names = set(self._waiting) if tables is None else tables & self._waiting.keys()
                waiting = {name: self._waiting.pop(name) for name in names}
                seq = None if self._waiting else self._seq
                self._writing = waiting
            try:
                if waiting:
                    self._write(waiting, seq)
            except BaseException:
                with self._note:  # older than what was noted meanwhile: put back underneath
                    for table, rows in waiting.items():
                        self._waiting[table] = {**rows, **self._waiting.get(table, {})}
                raise
            finally:
                self._writing = {}

    def _is_behind(self, tables: Set[str] | None, about: str) -> bool:
        with self._note:
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
            self._write(_latest(rows), last)
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

    def _write(self, waiting: Rows, seq: int | None) -> None:
        """Apply changes; with `seq`, all up to there are in the tables now."""
        self._cursor.execute("begin")
        try:
            self._put(self._cursor, waiting)
            if seq is not None:
                self._cursor.execute(
                    "update meta set value = ? where name = 'projected_seq'", [str(seq)]
                )
            self._cursor.execute("commit")
        except BaseException:
            _rollback(self._cursor)
            raise
        if seq is not None:
            self.projected = seq

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

    def _meta(self, name: str) -> str:
        row = self._cursor.execute("select value from meta where name = ?", [name]).fetchone()
        return row[0] if row else "0"


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


def _rollback(cursor: Any) -> None:
    import contextlib

    with contextlib.suppress(Exception):  # the transaction may have ended with the error
        cursor.execute("rollback")
