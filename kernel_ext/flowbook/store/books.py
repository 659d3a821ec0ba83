"""Bringing the journal's entries into the books: events and records, each entry once."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from . import frames
from .blocks import Tables, joined
from .duckdb import Database, does_not_fit

Kept: TypeAlias = tuple[int, Tables]
"""What one entry of the journal covers, and brings."""
_log = logging.getLogger(__name__)


def enter(database: Database, cursor: Any, entries: Sequence[Kept]) -> None:
    """Insert rows and say how far that is, in the transaction the cursor is in."""
    if not entries:
        return
    blocks = [block for _, tables in entries for block in tables.items()]
    for table, columns in joined(blocks).items():
        database.insert(cursor, table, columns)
    cursor.execute("update meta set value = ? where name = 'settled_seq'", [str(entries[-1][0])])


def enter_each(database: Database, cursor: Any, entries: list[Kept]) -> None:
    """The same with a transaction for each entry, which leaves the list. One that the tables don't take
    can't hold the others back for ever: it is kept in a file beside the history."""
    while entries:
        seq, tables = entries[0]
        try:
            with transaction(cursor):
                enter(database, cursor, [(seq, tables)])
        except Exception as error:
            if not does_not_fit(error):
                raise
            path = database.path.with_name(f"{database.path.name}.refused")
            _log.error("rows up to %s don't fit into the history, see %s: %s", seq, path, error)
            with path.open("a", encoding="utf-8") as file:
                told = {"seq": seq, "error": str(error), "tables": tables}
                file.write(frames.text(told) + "\n")
            with transaction(cursor):
                enter(database, cursor, [(seq, {})])
        del entries[0]


@contextlib.contextmanager
def transaction(cursor: Any) -> Iterator[None]:
    """All of it or nothing."""
    cursor.execute("begin")
    try:
        yield
        cursor.execute("commit")
    except BaseException:
        with contextlib.suppress(Exception):  # it may have ended with the error
            cursor.execute("rollback")
        raise
