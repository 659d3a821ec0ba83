"""Flow triggers: each change of state of an execution counts once for each of them.

What is left to do of one stands in its row of `fires`: the host that drives the execution enters it with the
change itself, here it is decided, and it is settled with the beginning of the execution that it starts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flowbook.triggers import windows

from .hosts import is_dead
from .transaction import Rows, Transaction, action, reading

FIRED, MISSED = "FIRED", "MISSED"


@action("fires", "windows", "triggers", about=("namespace", "flow_id", "trigger_id"))
def flow_event(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    date: str,
    new_id: str,
    type: str,
    at: datetime,
    upstream: Mapping[str, str],
    gatherings: Sequence[Mapping[str, Any]],
    met: Mapping[str, Sequence[str]],
) -> Rows:
    """Decide about a change of state that a trigger's conditions hold for, with what came before it: the
    execution to start and what it is started for, or no row."""
    key = namespace, flow_id, trigger_id
    row = tx.row("fires", *key, date)
    left = _left(row)
    if row is None or left is None:
        return []
    if left["left"] == FIRED:  # by a host that has been lost since
        return [{"execution_id": row["execution_id"], "of": left["of"]}]
    trigger = tx.row("triggers", *key) or {}
    event = windows.Event(at=at, execution_id=upstream["execution_id"], flow_id=upstream["flow_id"])
    outcome = None
    if not trigger.get("disabled"):
        found = [windows.Gathering.from_json(each) for each in gatherings]
        outcome = windows.advance(found, _records(tx, key), met, event)
        _keep(tx, key, outcome.records)
    if outcome is None or not outcome.fires:
        tx.delete("fires", *key, date)
        return []
    of = [{"execution": one.execution_id, "flow": one.flow_id} for one in outcome.events]
    tx.put(
        "fires", **{**row, "execution_id": new_id, "note": json.dumps({"left": FIRED, "of": of})}
    )
    named = {"namespace": namespace, "flow_id": flow_id, "trigger_id": trigger_id}
    last = {"type": type, "last_date": at, "last_execution_id": new_id, "updated_at": tx.now}
    tx.put("triggers", **{**trigger, **named, **last})
    return [{"execution_id": new_id, "of": of}]


@action("fires", "windows", about=("namespace", "flow_id", "trigger_id"))
def miss_window(
    tx: Transaction,
    *,
    namespace: str,
    flow_id: str,
    trigger_id: str,
    gathering: Mapping[str, Any],
    end: datetime,
    new_id: str,
    host: str,
) -> Rows:
    """Close a window that has ended without enough: the execution to start, or no row."""
    key = namespace, flow_id, trigger_id
    records = dict(_records(tx, key))
    known = windows.Gathering.from_json(gathering)
    closed = windows.missed(known, records.get(known.id), end)
    if closed is None:
        return []
    _keep(tx, key, {**records, known.id: closed})
    row = tx.put(
        "fires",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        date=f"{MISSED} {end.astimezone(UTC).isoformat()}",
        execution_id=new_id,
        created_at=tx.now,
        note=json.dumps({"left": MISSED, "by": host}),
    )
    return [row]


@action("fires", about=("namespace", "flow_id", "trigger_id"))
def forget_fire(
    tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str, date: str
) -> Rows:
    """A change of state that starts nothing after all; one that has started something stays."""
    row = tx.row("fires", namespace, flow_id, trigger_id, date)
    if _left(row) is not None:
        tx.delete("fires", namespace, flow_id, trigger_id, date)
    return []


@action("triggers", "windows", about=("namespace", "flow_id", "trigger_id"))
def forget_flow_trigger(tx: Transaction, *, namespace: str, flow_id: str, trigger_id: str) -> Rows:
    """A trigger that is no more: its state and what it has gathered go."""
    for table in ("triggers", "windows"):
        if tx.row(table, namespace, flow_id, trigger_id) is not None:
            tx.delete(table, namespace, flow_id, trigger_id)
    return []


@reading("fires", "owners", "hosts")
def fires_left(tx: Transaction, *, host: str) -> Rows:
    """What is left to do by nobody, by hosts that are gone, or by this one."""
    dead: dict[str, bool] = {}
    found = []
    for row in tx.query("fires_unsettled"):
        by = row["host"] or (_left(row) or {}).get("by")
        if by not in (None, host):
            if by not in dead:
                dead[by] = is_dead(tx, by)
            if not dead[by]:
                continue
        found.append(row)
    return found


def _left(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is left to do of a row of `fires`."""
    note = None if row is None else row["note"]
    if not note or not note.startswith('{"left"'):
        return None
    found: dict[str, Any] = json.loads(note)
    return found


def _records(tx: Transaction, key: tuple[str, str, str]) -> windows.Records:
    row = tx.row("windows", *key)
    results = (row or {}).get("results") or {}
    return {name: windows.Record.from_json(value) for name, value in results.items()}


def _keep(tx: Transaction, key: tuple[str, str, str], records: windows.Records) -> None:
    """Write the records of a trigger, if there is anything in them."""
    namespace, flow_id, trigger_id = key
    told = {name: each for name, each in records.items() if each.met or each.closed or each.fired}
    if not told:
        if tx.row("windows", *key) is not None:
            tx.delete("windows", *key)
        return
    bounds = [record.bounds for record in told.values() if record.bounds is not None]
    tx.put(
        "windows",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        started_at=min((start for start, _ in bounds), default=None),
        ends_at=max((end for _, end in bounds), default=None),
        results={name: record.to_json() for name, record in told.items()},
    )
