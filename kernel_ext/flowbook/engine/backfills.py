"""Backfills as people ask for them: begun, listed, paused, gone on with, deleted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, date, tzinfo
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, FlowbookError, NotFound, Unconfirmed
from flowbook.ids import new_id
from flowbook.triggers.backfill import MANY, Backfill
from flowbook.workspace import trust

from . import creation
from .backfill_plan import Planned, plan, said
from .closing import Closing, shown
from .flows import split_uid
from .schedules import Scheduled, schedules
from .trigger_labels import written

if TYPE_CHECKING:
    from .workspace import Workspace

Row = dict[str, Any]
log = logging.getLogger(__name__)


async def begin(workspace: Workspace, planned: Planned, *, confirm: bool = False) -> str:
    """Enter a backfill: whoever holds the lease begins with it. Its id.

    Raises `Conflict` while another one goes on, `Unconfirmed` for very many dates.
    """
    count = len(planned.dates)
    if count > MANY and not confirm:
        raise Unconfirmed(
            f"{count:,} dates of {planned.scheduled.name} would run, {said(planned.dates[0])} to "
            f"{said(planned.dates[-1])}; confirm=True runs them",
            [],
        )
    scheduled = planned.scheduled
    if (other := scheduled.backfill) is not None:
        raise Conflict(
            f"A backfill of {scheduled.name} {'is paused' if other.paused else 'goes on'}, at "
            f"{said(other.current.astimezone(scheduled.zone))} ({other.done:,} of {other.total:,} dates): "
            "wait for its end, or delete it"
        )
    secrets = creation.secret_values(scheduled.flow, planned.inputs)
    closed = Closing(lambda: workspace.key, secrets).values_of(dict(planned.inputs))
    backfill = Backfill(
        id=new_id(workspace.random),
        start=planned.start,
        end=planned.end,
        current=planned.dates[0],
        total=count,
        inputs=closed,
        labels=planned.labels,
    )
    namespace, flow_id, trigger_id = scheduled.key
    await workspace.store.transact(
        "start_backfill",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        type=scheduled.type,
        backfill=backfill.to_json(),
    )
    return backfill.id


async def listed(
    workspace: Workspace, uid: str | None = None, *, id: str | None = None, limit: int = 100
) -> list[Row]:
    """Backfills with how many executions are in which state: those that go on, then the newest."""
    namespace, flow_id = (None, None) if uid is None else split_uid(uid)
    rows = await workspace.store.query(
        "backfills_list", namespace=namespace, flow_id=flow_id, id=id, limit=limit
    )
    if not rows:
        return []
    counted = await workspace.store.query("backfill_states", ids=[row["id"] for row in rows])
    states: dict[str, dict[str, int]] = {}
    for each in counted:
        states.setdefault(each["id"], {})[each["state"]] = each["executions"]
    zones = {each.key: each.zone for each in await schedules(workspace.store) if not each.problem}
    return [_as_row(row, states.get(row["id"], {}), zones.get(_key(row), UTC)) for row in rows]


async def going_on(workspace: Workspace, uid: str, trigger: str | None = None) -> Row:
    """The backfill of a flow that goes on, or is paused. Raises `NotFound`, `Conflict`."""
    found = [row for row in await listed(workspace, uid) if row["ended"] is None]
    if trigger is not None:
        found = [row for row in found if row["trigger"] == trigger]
    if not found:
        of = f"trigger '{trigger}' of {uid}" if trigger else uid
        raise NotFound(f"No backfill of {of} goes on")
    if len(found) > 1:
        names = ", ".join(sorted(row["trigger"] for row in found))
        raise Conflict(f"{uid} has several backfills: say of which trigger, {names}")
    return found[0]


async def pause(
    workspace: Workspace, uid: str, trigger: str | None = None, *, paused: bool = True
) -> Row:
    """Let a backfill wait, or go on; what runs goes on running. Raises `NotFound`, `Conflict`."""
    row = await going_on(workspace, uid, trigger)
    await workspace.store.transact("pause_backfill", **names_of(row), paused=paused)
    return row


async def delete(workspace: Workspace, uid: str, trigger: str | None = None) -> Row:
    """End a backfill where it stands; what it has started stays. Raises `NotFound`."""
    row = await going_on(workspace, uid, trigger)
    await workspace.store.transact("delete_backfill", **names_of(row))
    return row


def is_trusted(workspace: Workspace) -> bool:
    """Whether anything fires here at all."""
    return trust.is_trusted(workspace.place)


async def is_served(workspace: Workspace) -> bool:
    """Whether a server has the workspace open: without one nothing fires."""
    hosts = await workspace.store.transact("hosts_list")
    return any(host["kind"] == "server" and not host["dead"] for host in hosts)


async def from_text(workspace: Workspace, scheduled: Scheduled) -> Scheduled:
    """The backfill that a new schedule's own text asks for, if the workspace allows that."""
    trigger = scheduled.trigger
    given = getattr(trigger, "backfill", None) or getattr(trigger, "backfills", None)
    asked = given[0] if isinstance(given, list | tuple) and given else given
    allowed = workspace.config.get("flowbook.triggers.yaml-backfill", False)
    if not allowed or not isinstance(asked, Mapping):
        return scheduled
    inputs = asked.get("inputs")
    try:
        planned = await plan(
            workspace,
            scheduled.flow.uid,
            trigger.id,
            _date_of(asked.get("start")) or "",
            _date_of(asked.get("end")),
            inputs if isinstance(inputs, Mapping) else None,
            {key: str(value) for key, value in written(asked.get("labels"))},
        )
        await begin(workspace, planned, confirm=True)
    except FlowbookError as error:
        log.warning("The backfill of %s doesn't begin: %s", scheduled.name, error)
        return scheduled
    again = await schedules(workspace.store, scheduled.flow.namespace)
    return next((one for one in again if one.key == scheduled.key), scheduled)


def _date_of(value: Any) -> str | date | None:
    return value if value is None or isinstance(value, date) else str(value)


def names_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The key of a listed backfill's trigger, by column."""
    namespace, flow_id = split_uid(row["flow"])
    return {"namespace": namespace, "flow_id": flow_id, "trigger_id": row["trigger"]}


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["namespace"], row["flow_id"], row["trigger_id"]


def _as_row(row: Mapping[str, Any], states: Mapping[str, int], zone: tzinfo) -> Row:
    """A backfill as it is listed; its dates are in the zone of its schedule."""
    if row["ended_at"] is None:
        state = "PAUSED" if row["paused"] else "RUNNING"
    else:
        state = "DONE" if row["done"] >= row["total"] else "STOPPED"
    return {
        "id": row["id"],
        "flow": f"{row['namespace']}.{row['flow_id']}",
        "trigger": row["trigger_id"],
        "state": state,
        "start": row["from"].astimezone(zone),
        "end": row["to"].astimezone(zone),
        "date": None if row["at_date"] is None else row["at_date"].astimezone(zone),
        "done": row["done"],
        "total": row["total"],
        "executions": dict(states),
        "inputs": shown(row["inputs"] or {}),
        "labels": row["labels"] or {},
        "created": row["created_at"],
        "ended": row["ended_at"],
    }
