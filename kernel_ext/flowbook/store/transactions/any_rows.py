"""Whole rows of any latest-state table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowbook.errors import FlowbookError
from flowbook.store.rows import RECORDS

from .transaction import Rows, Transaction, action


@action()
def put_rows(tx: Transaction, *, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Write whole rows, each with its "table": namespaces, windows, backfills, batches, files, audit."""
    for row in rows:
        values = dict(row)
        table = values.pop("table")
        if table in ("events", "meta", "seen", "leases", "owners", *RECORDS):
            raise FlowbookError(f"{table} isn't written by rows")
        tx.put(table, **values)
    return [{"rows": len(rows)}]


@action()
def delete_rows(tx: Transaction, *, table: str, keys: Sequence[Sequence[Any]]) -> Rows:
    """Delete rows by primary key."""
    if table in ("events", "meta", "seen", "leases", "owners", *RECORDS):
        raise FlowbookError(f"{table} isn't written by rows")
    for key in keys:
        tx.delete(table, *key)
    return [{"rows": len(keys)}]
