"""What is new, for those who follow: the latest commits from memory, older ones from the tables.

Theory of operation. Each follower says what it wants. A commit is packed when the first follower
asks for it, once for all who want the same; what a follower doesn't want is neither packed nor sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import frames
from .blocks import Columns
from .project import Row, changes_between
from .rows import RECORDS

RING = 16 * 1024 * 1024
"""Characters of recent commits that are kept."""
PAGE = 2000


@dataclass(slots=True)
class Committed:
    """What one commit made durable."""

    seq: int = 0
    events: list[tuple[Any, ...]] = field(default_factory=list)
    """seq, execution, microseconds, kind, payload as JSON."""
    changes: list[tuple[str, Sequence[Row]]] = field(default_factory=list)
    """Changes with the execution on whose event they stand."""
    records: list[tuple[str, Columns]] = field(default_factory=list)
    """Tables of records with columns, `seq` among them."""

    @property
    def size(self) -> int:
        """About how many characters it has."""
        size = sum(200 + len(event[4]) for event in self.events)
        size += sum(80 + len(row[2] or "") for _, rows in self.changes for row in rows)
        return size + sum(40 * len(one["seq"]) * len(one) for _, one in self.records)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a follower asks for: events of some kinds and nothing else, changes of some tables and nothing
    else, all of some executions, or all."""

    kinds: frozenset[str] | None = None
    executions: frozenset[str] | None = None
    tables: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        kinds: Sequence[str] | None,
        executions: Sequence[str] | None,
        tables: Sequence[str] | None = None,
    ) -> Wanted:
        return cls(
            None if kinds is None else frozenset(kinds),
            None if executions is None else frozenset(executions),
            None if tables is None else frozenset(tables),
        )

    def batch(self, commit: Committed) -> list[Any] | None:
        """What of a commit is sent; None if that is nothing."""
        events, changes, records = commit.events, commit.changes, commit.records
        if self.tables is not None:
            events, changes, records = [], list(self._of_tables(changes)), []
        if self.kinds is not None:
            events, changes, records = [one for one in events if one[3] in self.kinds], [], []
        if self.executions is not None:
            events = [one for one in events if one[1] in self.executions]
            changes = [one for one in changes if one[0] in self.executions]
            records = [some for one in records if (some := self._records(*one))]
        if not (events or changes or records) and self != ALL:
            return None
        return [commit.seq, events, [row for _, rows in changes for row in rows], records]

    def _of_tables(
        self, changes: Sequence[tuple[str, Sequence[Row]]]
    ) -> Iterator[tuple[str, Sequence[Row]]]:
        assert self.tables is not None
        for execution, rows in changes:
            if some := self.of_tables(rows):
                yield execution, some

    def of_tables(self, rows: Sequence[Row]) -> list[Row]:
        """The changes of the tables that are asked for."""
        return [row for row in rows if self.tables is None or row[0] in self.tables]

    def _records(self, table: str, columns: Columns) -> tuple[str, Columns] | None:
        assert self.executions is not None
        owners = columns.get("execution_id") or ()
        kept = [index for index, owner in enumerate(owners) if owner in self.executions]
        if len(kept) == len(owners):
            return (table, columns) if kept else None
        some = {name: [column[index] for index in kept] for name, column in columns.items()}
        return (table, some) if kept else None


ALL = Wanted()


@dataclass(slots=True)
class _Entry:
    before: int
    commit: Committed
    size: int
    packed: dict[Wanted, bytes | None] = field(default_factory=dict)

    def batch(self, wanted: Wanted) -> bytes | None:
        if wanted not in self.packed:
            batch = wanted.batch(self.commit)
            self.packed[wanted] = None if batch is None else frames.body(batch)
        return self.packed[wanted]


class News:
    """The commits since `seq`, as many of the last ones as there is room for."""

    def __init__(self, seq: int) -> None:
        self.seq = self._start = seq
        self._ring: deque[_Entry] = deque()
        self._size = 0

    def add(self, commit: Committed) -> None:
        entry = _Entry(self.seq, commit, commit.size)
        self._ring.append(entry)
        self._size += entry.size
        self.seq = commit.seq
        while self._size > RING and len(self._ring) > 1:
            old = self._ring.popleft()
            self._start = old.commit.seq
            self._size -= old.size

    def since(self, after: int, wanted: Wanted) -> list[tuple[int, bytes | None]] | None:
        """Commits behind `after`; None if they aren't all here, or `after` lies within one."""
        if after < self._start:
            return None
        found: list[_Entry] = []
        for entry in reversed(self._ring):
            if entry.before < after:
                if after < entry.commit.seq:
                    return None
                break
            found.append(entry)
        return [(entry.commit.seq, entry.batch(wanted)) for entry in reversed(found)]


def page(cursor: Any, wanted: Wanted, after: int, until: int) -> tuple[int, bytes | None]:
    """What the tables hold of `after < seq <= until`: a page of it, and where it ends."""
    executions = None if wanted.executions is None else sorted(wanted.executions)
    kinds = None if wanted.kinds is None else sorted(wanted.kinds)
    of_executions = "($3::varchar[] is null or list_contains($3::varchar[], execution_id))"
    of_kinds = "not starts_with(kind, '#') and ($4::varchar[] is null or list_contains($4::varchar[], kind))"
    within = f"seq > $1 and seq <= $2 and {of_executions}"
    if wanted.tables is not None:
        unions = f"select seq from events where {within} and changes is not null"
    elif kinds is None:
        unions = " union all ".join(
            f"select seq from {table} where {within}" for table in ("events", *RECORDS)
        )
    else:
        unions = f"select seq from events where {within} and {of_kinds}"
    given = [after, until, executions]
    row = cursor.execute(
        f"select max(seq) from (select seq from ({unions}) order by seq limit {PAGE})",
        given if kinds is None else [*given, kinds],
    ).fetchone()
    end = until if row is None or row[0] is None else int(row[0])
    if wanted.tables is not None:
        changes = wanted.of_tables(changes_between(cursor, after, end, executions))
        return end, frames.body([end, [], changes, []]) if changes else None
    given[1] = end
    events = cursor.execute(
        "select seq, execution_id, epoch_us(ts), kind, payload from events "
        f"where {within} and {of_kinds} order by seq",
        [*given, kinds],
    ).fetchall()
    changes = []
    records = []
    if kinds is None:
        changes = changes_between(cursor, after, end, executions)
        for table in RECORDS:
            times = "ts" if table != "cells" else "started_at, ended_at"
            turned = ", ".join(f"epoch_us({name}) as {name}" for name in times.split(", "))
            found = cursor.execute(
                f"select * replace ({turned}) from {table} where {within} order by seq", given
            )
            names = [column[0] for column in found.description]
            if rows := found.fetchall():
                records.append((table, dict(zip(names, zip(*rows, strict=True), strict=True))))
    if not (events or changes or records) and wanted != ALL:
        return end, None
    return end, frames.body([end, events, changes, records])
