"""Backfills: one at a time for a trigger, each date of one fires once, and what people wish counts at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flowbook.errors import Conflict, NotFound

from .transaction import Rows, Transaction, action

Kept = dict[str, Any]
"""A backfill as its trigger's row has it."""


@action("triggers", "backfills")
def start_backfill(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    type: str,
    backfill: Mapping[str, Any],
) -> Rows:
    """Enter a backfill. Raises: Conflict while another one goes on, or the trigger is disabled."""
    key = namespace, flow_id, trigger_id
    row = _row(tx, key)
    if row.get("disabled"):
        raise Conflict(f"Trigger '{trigger_id}' of {namespace}.{flow_id} is disabled: enable it")
    if other := row.get("backfill"):
        does = "is paused" if other["paused"] else "goes on"
        raise Conflict(
            f"A backfill of trigger '{trigger_id}' of {namespace}.{flow_id} {does}, at {other['currentDate']} "
            f"({other['done']} of {other['total']} dates): wait for its end, or delete it"
        )
    held = row.get("next_date")
    kept = {**backfill, "previousNextExecutionDate": held.isoformat() if held else None}
    return [_keep(tx, key, {**row, "type": type}, kept)]


@action("triggers", "fires")
def fire_backfill(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    id: str,
    current: str,
    date: str,
    execution_id: str,
) -> Rows:
    """True for the first who fires a date of a backfill that stands at `current`; the execution that was
    first for others. Neither if it has moved on, waits, or is no more."""
    kept = _row(tx, (namespace, flow_id, trigger_id)).get("backfill")
    if not kept or kept["id"] != id or kept["currentDate"] != current or kept["paused"]:
        return [{"fired": False, "execution_id": None, "backfill": kept}]
    series = f"{date} backfill {id}"
    row = tx.row("fires", namespace, flow_id, trigger_id, series)
    if row is not None:
        return [{"fired": False, "execution_id": row["execution_id"], "backfill": kept}]
    tx.put(
        "fires",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        date=series,
        execution_id=execution_id,
        created_at=tx.now,
        note=None,
    )
    return [{"fired": True, "execution_id": execution_id, "backfill": kept}]


@action("triggers", "backfills")
def move_backfill(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    id: str,
    current: str,
    next: str | None,
    execution_id: str | None = None,
) -> Rows:
    """Go on from `current` to the next date; without one it is over."""
    key = namespace, flow_id, trigger_id
    row = _row(tx, key)
    kept = row.get("backfill")
    if kept and kept["id"] == id and kept["currentDate"] == current:
        if execution_id is not None:
            row = {**row, "last_execution_id": execution_id}
        if next is not None:
            done = kept["done"] + 1
            moved = {**kept, "currentDate": next, "done": done}
            return [_keep(tx, key, row, {**moved, "total": max(kept["total"], done + 1)})]
        done = kept["done"] + (execution_id is not None)
        return [_end(tx, key, row, done=max(done, kept["total"]))]
    if execution_id is not None and row:
        row = tx.put("triggers", **{**row, "last_execution_id": execution_id})
    return [{"backfill": kept}]


@action("triggers", "backfills")
def pause_backfill(
    tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str, paused: bool
) -> Rows:
    """Let a backfill wait, or go on. Raises: NotFound, Conflict if it does so already."""
    key = namespace, flow_id, trigger_id
    row = _row(tx, key)
    kept = _going_on(row, key)
    if kept["paused"] is paused:
        said = "paused" if paused else "not paused"
        raise Conflict(f"The backfill of trigger '{trigger_id}' of {namespace}.{flow_id} is {said}")
    return [_keep(tx, key, row, {**kept, "paused": paused})]


@action("triggers", "backfills")
def delete_backfill(tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str) -> Rows:
    """End a backfill where it stands; what it has started stays. Raises: NotFound."""
    key = namespace, flow_id, trigger_id
    row = _row(tx, key)
    kept = _going_on(row, key)
    return [_end(tx, key, row, done=kept["done"])]


@action("triggers", "backfills")
def switch_trigger(
    tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str, type: str, disabled: bool
) -> Rows:
    """Disable a trigger, which drops its backfill, or enable it."""
    key = namespace, flow_id, trigger_id
    row = {**_row(tx, key), "type": type, "disabled": disabled}
    if disabled and (kept := row.get("backfill")):
        return [_end(tx, key, row, done=kept["done"])]
    return [_keep(tx, key, row, row.get("backfill"))]


def drop_backfill(tx: Transaction, key: tuple[str, str, str], row: Mapping[str, Any]) -> None:
    """Note the end of what a trigger that goes away was in the middle of."""
    if kept := row.get("backfill"):
        _enter(tx, key, kept, done=kept["done"], ended=tx.now)


def _row(tx: Transaction, key: tuple[str, str, str]) -> dict[str, Any]:
    return tx.row("triggers", *key) or {}


def _going_on(row: Mapping[str, Any], key: tuple[str, str, str]) -> Kept:
    namespace, flow_id, trigger_id = key
    kept: Kept | None = row.get("backfill")
    if not kept:
        raise NotFound(f"No backfill of trigger '{trigger_id}' of {namespace}.{flow_id} goes on")
    return kept


def _keep(
    tx: Transaction, key: tuple[str, str, str], row: Mapping[str, Any], kept: Kept | None
) -> dict[str, Any]:
    """Write a trigger's row and, if there is one, its backfill's."""
    if kept:
        _enter(tx, key, kept, done=kept["done"], ended=None)
    namespace, flow_id, trigger_id = key
    return tx.put(
        "triggers",
        **{
            **row,
            "namespace": namespace,
            "flow_id": flow_id,
            "trigger_id": trigger_id,
            "backfill": kept or None,
            "updated_at": tx.now,
        },
    )


def _end(
    tx: Transaction, key: tuple[str, str, str], row: Mapping[str, Any], *, done: int
) -> dict[str, Any]:
    _enter(tx, key, row["backfill"], done=done, ended=tx.now)
    return _keep(tx, key, row, None)


def _enter(
    tx: Transaction, key: tuple[str, str, str], kept: Kept, *, done: int, ended: datetime | None
) -> None:
    """Write the row that tells of a backfill, also when it is over."""
    before = tx.row("backfills", kept["id"])
    namespace, flow_id, trigger_id = key
    tx.put(
        "backfills",
        **{
            "id": kept["id"],
            "namespace": namespace,
            "flow_id": flow_id,
            "trigger_id": trigger_id,
            "from": kept["start"],
            "to": kept["end"],
            "at_date": kept["currentDate"] if ended is None or done < kept["total"] else None,
            "inputs": kept["inputs"],
            "labels": kept["labels"],
            "paused": kept["paused"],
            "done": done,
            "total": kept["total"],
            "created_at": before["created_at"] if before else tx.now,
            "ended_at": ended,
        },
    )
