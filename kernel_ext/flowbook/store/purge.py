"""What leaves the history for ever: executions, records of a time, events that say nothing any more.

Each function works inside a transaction of the writer and keeps the law that the latest-state
tables follow from the events: a row of another kind that a purged event had written stays, carried
by a new event `#kept`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flowbook.errors import FlowbookError

from .duckdb import Database
from .frames import micros
from .layout import changes_text
from .news import Committed
from .project import Row
from .rows import OF_EXECUTIONS, RECORDS
from .writer import EVENT


def purge(
    database: Database,
    cursor: Any,
    seq: int,
    *,
    ids: Sequence[str],
    records: Sequence[str],
    rows: bool,
) -> tuple[dict[str, int], Committed | None]:
    """Remove executions with everything of theirs, or only their records."""
    given = [list(ids)]
    gone = {}
    for table in records:
        _of_records(table)
        gone[table] = _count(
            cursor,
            f"delete from {table} where execution_id in (select unnest($1::varchar[]))",
            given,
        )
    if not rows:
        return gone, None
    kept = _kept(database, cursor, given)
    changes: list[tuple[str, Sequence[Row]]] = [
        (id, [("executions", json.dumps([id]), None)]) for id in ids
    ]
    for table in sorted(OF_EXECUTIONS):
        column = "id" if table == "executions" else "execution_id"
        gone[table] = _count(
            cursor, f"delete from {table} where {column} in (select unnest($1::varchar[]))", given
        )
    gone["events"] = _count(
        cursor, "delete from events where execution_id in (select unnest($1::varchar[]))", given
    )
    seq += 1
    if kept:
        row = (seq, "", micros(datetime.now(UTC)), "#kept", "{}", changes_text(kept), None, None)
        database.insert(cursor, "events", dict(zip(EVENT, zip(row), strict=True)))
    for name in ("seq", "projected_seq"):  # numbers of what is gone are not given again
        cursor.execute("insert or replace into meta values (?, ?)", [name, str(seq)])
    return gone, Committed(seq=seq, changes=changes)


def purge_records(
    cursor: Any,
    seq: int,
    *,
    table: str,
    before: datetime,
    after: datetime | None,
    namespace: str | None,
    flow_id: str | None,
    levels: Sequence[str] | None,
) -> tuple[int, None]:
    """Remove log lines, metrics or cell records of a time."""
    _of_records(table)
    ts = "started_at" if table == "cells" else "ts"
    level = (
        "and ($levels::varchar[] is null or list_contains($levels::varchar[], level))"
        if table == "logs"
        else ""
    )
    given = {"before": before, "after": after, "namespace": namespace, "flow_id": flow_id}
    if level:
        given["levels"] = levels  # type: ignore[assignment]
    gone = _count(
        cursor,
        f"delete from {table} where {ts} < $before and ($after::timestamptz is null or {ts} >= $after) "
        "and ($flow_id::varchar is null or flow_id = $flow_id) and ($namespace::varchar is null or "
        f"namespace = $namespace or ($flow_id::varchar is null and namespace like $namespace || '.%')) {level}",
        given,
    )
    cursor.execute("insert or replace into meta values ('seq', ?)", [str(seq)])
    return gone, None


def compact(cursor: Any, seq: int, *, before: datetime) -> tuple[int, None]:
    """Remove events of no execution none of whose changes is the latest of its row."""
    gone = _count(
        cursor,
        """
        delete from events where execution_id = '' and starts_with(kind, '#') and ts < $1 and seq not in (
            select max(seq) from (
                select seq, c->>0 as t, (c->1)::varchar as k
                from (select seq, unnest(from_json(changes, '["JSON"]')) as c from events where changes is not null)
            ) group by t, k
        )
        """,
        [before],
    )
    cursor.execute("insert or replace into meta values ('seq', ?)", [str(seq)])
    return gone, None


def _kept(database: Database, cursor: Any, given: list[list[str]]) -> list[Row]:
    """Rows of no execution that events of these executions have written, as they are now."""
    found = cursor.execute(
        "select distinct c->>0, (c->1)::varchar from (select unnest(from_json(changes, '[\"JSON\"]')) as c from events "
        "where execution_id in (select unnest($1::varchar[])) and changes is not null)",
        given,
    ).fetchall()
    kept: list[Row] = []
    for table, text in found:
        if table in OF_EXECUTIONS or table not in database.tables:
            continue
        key = json.loads(text)
        where = " and ".join(f'"{column}" = ?' for column in database.tables[table].key)
        row = cursor.execute(
            f'select to_json(r)::varchar from "{table}" r where {where}', key
        ).fetchone()
        kept.append((table, text, row[0] if row else None))
    return kept


def _of_records(table: str) -> None:
    if table not in RECORDS:
        raise FlowbookError(f"{table!r} isn't a table of records")


def _count(cursor: Any, sql: str, given: Any) -> int:
    ((count,),) = cursor.execute(sql, given).fetchall()
    return int(count)
