"""Which executions of a flow with a concurrency limit may run: slots are taken in one transaction, so
that no two hosts take the last one."""

from __future__ import annotations

from .transaction import Rows, Transaction, action


@action("slots", "executions")
def admit(
    tx: Transaction, *, execution_id: str, namespace: str, flow_id: str, limit: int | None
) -> Rows:
    """Take a slot for an execution that wants to run; without a limit there is always one."""
    holders = _holders(tx, namespace, flow_id) - {execution_id}
    admitted = limit is None or len(holders) < limit
    if admitted:
        _take(tx, namespace, flow_id, execution_id)
    return [{"admitted": admitted, "running": len(holders)}]


@action("slots", "executions")
def admit_queued(
    tx: Transaction, *, namespace: str, flow_id: str, limit: int | None, ended: str | None = None
) -> Rows:
    """Give the free slots to those that have waited longest; the ids of those that may run now."""
    if ended is not None and tx.row("slots", f"{namespace}.{flow_id}", ended) is not None:
        tx.delete("slots", f"{namespace}.{flow_id}", ended)
    holders = _holders(tx, namespace, flow_id) - {ended}
    free = None if limit is None else max(0, limit - len(holders))
    if free == 0:
        return []
    waiting = tx.query("executions_queued", namespace=namespace, flow_id=flow_id, limit=free)
    for row in waiting:
        _take(tx, namespace, flow_id, row["id"])
    return [{"execution_id": row["id"]} for row in waiting]


def _holders(tx: Transaction, namespace: str, flow_id: str) -> set[str | None]:
    return {row["id"] for row in tx.query("slot_holders", namespace=namespace, flow_id=flow_id)}


def _take(tx: Transaction, namespace: str, flow_id: str, execution_id: str) -> None:
    tx.put(
        "slots",
        name=f"{namespace}.{flow_id}",
        execution_id=execution_id,
        state="taken",
        taken_at=tx.now,
    )
