"""Which executions of a flow with a concurrency limit may run: slots are taken in one transaction, so
that no two hosts take the last one."""

from __future__ import annotations

from .transaction import Rows, Transaction, action


@action()
def admit(
    tx: Transaction, *, execution_id: str, namespace: str, flow_id: str, limit: int | None
) -> Rows:
    """Take a slot for an execution that wants to run; without a limit there is always one."""
    flow = f"{namespace}.{flow_id}"
    holders = tx.unfinished.holders(flow) - {execution_id}
    admitted = limit is None or len(holders) < limit
    if admitted:
        _take(tx, flow, execution_id)
    return [{"admitted": admitted, "running": len(holders)}]


@action()
def admit_queued(
    tx: Transaction, *, namespace: str, flow_id: str, limit: int | None, ended: str | None = None
) -> Rows:
    """Give the free slots to those that have waited longest; the ids of those that may run now."""
    flow = f"{namespace}.{flow_id}"
    if ended is not None and tx.unfinished.has_slot(flow, ended):
        tx.delete("slots", flow, ended)
    holders = tx.unfinished.holders(flow) - {ended}
    free = None if limit is None else max(0, limit - len(holders))
    waiting = tx.unfinished.waiting(flow, free)
    for execution_id in waiting:
        _take(tx, flow, execution_id)
    return [{"execution_id": execution_id} for execution_id in waiting]


def _take(tx: Transaction, flow: str, execution_id: str) -> None:
    tx.put("slots", name=flow, execution_id=execution_id, state="taken", taken_at=tx.now)
