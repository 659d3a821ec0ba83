"""How what is committed together lies in rows: changes beside the events they stand on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .project import Row
from .requests import Append, Transact
from .rows import OF_EXECUTIONS


def changes_text(changes: Sequence[Row]) -> str:
    """Changes as `events.changes` keeps them."""
    parts = [f'["{table}",{key},{values or "null"}]' for table, key, values in changes]
    return f"[{','.join(parts)}]"


def execution_of(change: Row) -> str | None:
    """The execution whose row a change is; None for a row that belongs to none."""
    table, key, values = change
    if table in ("executions", "owners"):
        return str(json.loads(key)[0])
    if values is None or table not in OF_EXECUTIONS:
        return None
    found = json.loads(values).get("execution_id")
    return None if found is None else str(found)


def standing_of(request: Append) -> dict[int, list[Row]]:
    """Which event each change of an append stands on."""
    if not request.changes:
        return {}
    last = max(len(request.events) - 1, 0)
    if request.spots is None:
        return {last: list(request.changes)}
    standing: dict[int, list[Row]] = {}
    for change, spot in zip(request.changes, request.spots, strict=True):
        standing.setdefault(spot, []).append(change)
    return standing


def sorted_out(request: Transact, changes: Sequence[Row]) -> dict[str, list[Row]]:
    """A transaction's changes by the execution they belong to."""
    own = str(request.parameters.get("execution_id") or "")
    found: dict[str, list[Row]] = {}
    for change in changes:
        found.setdefault(execution_of(change) or own, []).append(change)
    return found
