"""Triggers: each date fires once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .backfills import drop_backfill
from .transaction import Rows, Transaction, action


@action("fires")
def fire(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    date: datetime | str,
    execution_id: str,
    note: str | None = None,
) -> Rows:
    """True for the first who fires a trigger's date; others get the execution that was first."""
    key = date.astimezone(UTC).isoformat() if isinstance(date, datetime) else date
    row = tx.row("fires", namespace, flow_id, trigger_id, key)
    if row is not None:
        return [{"fired": False, "execution_id": row["execution_id"]}]
    tx.put(
        "fires",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        date=key,
        execution_id=execution_id,
        created_at=tx.now,
        note=note,
    )
    return [{"fired": True, "execution_id": execution_id}]


@action("triggers")
def save_trigger(
    tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str, **values: Any
) -> Rows:
    """Write what is given of a trigger's row; the rest stays."""
    row = tx.row("triggers", namespace, flow_id, trigger_id) or {}
    wanted = {**row, **values, "namespace": namespace, "flow_id": flow_id, "trigger_id": trigger_id}
    if wanted == row:
        return [row]
    return [tx.put("triggers", **{**wanted, "updated_at": tx.now})]


@action("triggers", "backfills")
def delete_trigger(tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str) -> Rows:
    """Forget a trigger's state."""
    key = namespace, flow_id, trigger_id
    row = tx.row("triggers", *key)
    if row is not None:
        drop_backfill(tx, key, row)
        tx.delete("triggers", *key)
    return [{"deleted": row is not None}]


@action("triggers")
def unlock_trigger(tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str) -> Rows:
    """Let a trigger wait no longer for its last execution; which one that is stands in its state."""
    row = tx.row("triggers", namespace, flow_id, trigger_id)
    if row is None or row["last_execution_id"] is None:
        return [{"unlocked": None}]
    state = {**(row["state"] or {}), "unlocked": row["last_execution_id"]}
    tx.put("triggers", **{**row, "state": state, "updated_at": tx.now})
    return [{"unlocked": row["last_execution_id"]}]
