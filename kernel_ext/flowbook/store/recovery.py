"""On opening: what was durable in the journal and hadn't reached the tables when the last keeper ended."""

from __future__ import annotations

from typing import Any

from .books import enter_each
from .duckdb import Database, schema
from .journal import Journal
from .rows import RECORDS


def recover(database: Database, journal: Journal) -> None:
    """Bring the journal's entries into the books; one of another history is set aside."""
    entries = list(journal.entries())
    if not entries:
        return
    if not schema(database.connection):
        journal.set_aside()
        return
    cursor = database.cursor()
    settled = _number(cursor, "select value from meta where name = 'settled_seq'")
    late = [entry for entry in entries if entry.seq > settled]
    if not late:
        return
    if late[0].before > newest(cursor):
        journal.set_aside()
        return
    enter_each(database, cursor, [(entry.seq, entry.tables) for entry in late])


def newest(cursor: Any) -> int:
    """The last `seq` that was given to anything."""
    found = [
        _number(cursor, "select max(value::bigint) from meta where name in ('seq', 'settled_seq')")
    ]
    for table in ("events", *RECORDS):
        found.append(_number(cursor, f"select max(seq) from {table}"))
    return max(found)


def _number(cursor: Any, sql: str) -> int:
    rows = cursor.execute(sql).fetchall()  # to the end: an unread rest would refuse the next insert
    return int(rows[0][0] or 0) if rows else 0
