"""Backfills as people ask for them: planned, begun, listed, paused, gone on with, deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, FlowbookError, InputInvalid, NotFound, Unconfirmed
from flowbook.executions import events as e
from flowbook.executions.step import born
from flowbook.flows.messages import did_you_mean
from flowbook.ids import new_id
from flowbook.kinds.dynamic import Json, holds_template
from flowbook.triggers.backfill import (
    MANY,
    MOST,
    WRITTEN,
    Backfill,
    dates_from,
    first_moment,
    last_moment,
)
from flowbook.triggers.zones import machine_zone
from flowbook.workspace import trust

from . import creation, rendering
from .backfilling import laid_over
from .closing import Closing, shown
from .fires import Around, considered
from .flows import split_uid
from .given import apart, check_names
from .schedules import Scheduled, schedules

if TYPE_CHECKING:
    from .given import Given
    from .workspace import Workspace

Row = dict[str, Any]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A backfill that could begin."""

    scheduled: Scheduled
    start: datetime
    end: datetime
    dates: tuple[datetime, ...]
    """In the zone of the schedule."""
    inputs: Mapping[str, Json]
    labels: Mapping[str, str]

    @property
    def zone(self) -> str:
        """The name of that zone."""
        return self.scheduled.trigger.timezone or machine_zone()


async def plan(
    workspace: Workspace,
    uid: str,
    trigger: str | None,
    start: str | date,
    end: str | date | None = None,
    inputs: Mapping[str, Given] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Planned:
    """What a backfill of a flow's schedule would do. Raises `NotFound`, `Conflict`, `InputInvalid`."""
    scheduled = await schedule_of(workspace, uid, trigger)
    values = _values(scheduled, inputs or {})
    first, last = _range(scheduled, start, end, workspace.clock.now())
    with workspace.clock.working():
        dates = await asyncio.to_thread(_dates, scheduled, first, last)
    found = Planned(
        scheduled=scheduled,
        start=first,
        end=last,
        dates=tuple(each.astimezone(scheduled.zone) for each in dates),
        inputs=values,
        labels=dict(labels or {}),
    )
    await _check_inputs(workspace, found)
    return found


async def begin(workspace: Workspace, planned: Planned, *, confirm: bool = False) -> str:
    """Enter a backfill: whoever holds the lease begins with it. Its id.

    Raises `Conflict` while another one goes on, `Unconfirmed` for very many dates.
    """
    count = len(planned.dates)
    if count > MANY and not confirm:
        raise Unconfirmed(
            f"{count:,} dates of {planned.scheduled.name} would run, {_said(planned.dates[0])} to "
            f"{_said(planned.dates[-1])}; confirm=True runs them",
            [],
        )
    scheduled = planned.scheduled
    if (other := scheduled.backfill) is not None:
        raise Conflict(
            f"A backfill of {scheduled.name} {'is paused' if other.paused else 'goes on'}, at "
            f"{_said(other.current.astimezone(scheduled.zone))} ({other.done:,} of {other.total:,} dates): "
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


async def schedule_of(workspace: Workspace, uid: str, trigger: str | None) -> Scheduled:
    """A deployed flow's trigger with dates: the named one, or the only one. Raises `NotFound`, `Conflict`."""
    namespace, flow_id = split_uid(uid)
    flow, row = await workspace.flows.load(namespace, flow_id)
    found = [
        one
        for one in await schedules(workspace.store, namespace)
        if (one.flow.namespace, one.flow.id) == (namespace, flow_id)
    ]
    if not found and row["draft"]:
        raise Conflict(f"{uid} is a draft, and drafts have no triggers: deploy it")
    ids = [one.trigger.id for one in found]
    if not found:
        raise NotFound(f"{uid} has no trigger with dates; a Schedule is one")
    if trigger is None and len(found) > 1:
        raise InputInvalid([f"{uid} has several schedules: say which, {', '.join(ids)}"])
    chosen = [one for one in found if trigger in (None, one.trigger.id)]
    if not chosen:
        hint = did_you_mean(str(trigger), ids) or f"It has {', '.join(ids)}."
        raise NotFound(f"{uid} has no schedule '{trigger}'. {hint}")
    if chosen[0].problem is not None:
        raise Conflict(f"{chosen[0].name} never fires: {chosen[0].problem}")
    if chosen[0].disabled:
        whose = "its flow" if flow.disabled or row["disabled"] else "the trigger"
        raise Conflict(f"{chosen[0].name} fires nothing, since {whose} is disabled: enable it")
    return chosen[0]


async def from_text(workspace: Workspace, scheduled: Scheduled) -> Scheduled:
    """The backfill that a new schedule's own text asks for, if the workspace allows that."""
    trigger = scheduled.trigger
    given = getattr(trigger, "backfill", None) or getattr(trigger, "backfills", None)
    asked = given[0] if isinstance(given, list | tuple) and given else given
    allowed = workspace.config.get("flowbook.triggers.yaml-backfill", False)
    if not allowed or not isinstance(asked, Mapping):
        return scheduled
    try:
        planned = await plan(
            workspace,
            scheduled.flow.uid,
            trigger.id,
            _date_of(asked.get("start")) or "",
            _date_of(asked.get("end")),
            asked.get("inputs"),
            asked.get("labels"),
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


def _range(
    scheduled: Scheduled, start: str | date, end: str | date | None, now: datetime
) -> tuple[datetime, datetime]:
    if not start:
        raise InputInvalid([f"From which date on? Give a start, like {WRITTEN}"], ["start"])
    problems: dict[str, str] = {}
    first = last = now
    try:
        first = first_moment(start, scheduled.zone)
    except ValueError as error:
        problems["start"] = f"start: {error}"
    try:
        last = last_moment(end, scheduled.zone, now)
    except ValueError as error:
        problems["end"] = f"end: {error}"
    said = [_said(each.astimezone(scheduled.zone)) for each in (first, last)]
    if not problems and first > now:
        problems["start"] = f"start: {said[0]} is still to come; a backfill is for the past"
    elif not problems and last > now:
        problems["end"] = (
            f"end: {said[1]} is still to come; a backfill is for the past, the schedule itself "
            "fires what comes. Without an end it goes on until now"
        )
    elif not problems and first > last:
        problems["start"] = f"start: {said[0]} lies behind the end, {said[1]}"
    if problems:
        raise InputInvalid(list(problems.values()), list(problems))
    return first.astimezone(UTC), last.astimezone(UTC)


def _dates(scheduled: Scheduled, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The dates there, without those that are known to be refused. Raises `InputInvalid`."""
    found = list(islice(dates_from(scheduled.trigger, start, end), MOST + 1))
    if len(found) > MOST:
        raise InputInvalid(
            [f"{scheduled.name} has more than {MOST:,} dates there: take a shorter range"], ["end"]
        )
    chosen = tuple(each for each in found if scheduled.fires_at(each))
    if not chosen:
        said = (
            f"{_said(start.astimezone(scheduled.zone))} to {_said(end.astimezone(scheduled.zone))}"
        )
        why = f": its conditions refuse all {len(found):,}" if found else ""
        raise InputInvalid([f"{scheduled.name} has no date from {said}{why}"], ["start"])
    return chosen


def _values(scheduled: Scheduled, given: Mapping[str, Given]) -> dict[str, Json]:
    """Given inputs as they are kept: a file given for a value is its text. Raises `InputInvalid`."""
    from pathlib import Path

    check_names(scheduled.flow, given)
    values, files = apart(scheduled.flow.declared, given, Path.cwd())
    if files:
        raise InputInvalid(
            [
                f"Input `{name}` is a file, which each execution reads for itself: give it as "
                "nsfile:///PATH or file:///PATH"
                for name in files
            ],
            list(files),
        )
    return {name: values[name] for name in given}


async def _check_inputs(workspace: Workspace, planned: Planned) -> None:
    """Raises `InputInvalid` if the first execution would be refused."""
    from flowbook.flows import inputs as declarations

    scheduled = planned.scheduled
    flow = scheduled.flow
    created = e.Created(
        at=workspace.clock.now(), namespace=flow.namespace, flow_id=flow.id, revision=1
    )
    closing = Closing(lambda: workspace.key)
    execution = born("backfill", flow, created)
    services = workspace.services(execution, closing)
    backfill = Backfill(
        id="", start=planned.start, end=planned.end, current=planned.dates[0], labels=planned.labels
    )
    wanted = laid_over(scheduled, backfill, planned.inputs)
    look = partial(
        considered, wanted, planned.dates[0], created.at, "backfill", Around(services, set())
    )
    fire, _ = await asyncio.to_thread(look)
    if fire is None:
        return
    if fire.error is not None and holds_template(planned.inputs):
        raise InputInvalid([fire.error])
    scope = rendering.scope_of(
        execution,
        None,
        storage=workspace.storage,
        services=services,
        surroundings=workspace.surroundings(flow),
    )
    values, _ = apart(flow.declared, fire.inputs, None)
    await creation.reading(
        flow, scope, lambda render: declarations.resolve(flow, values, render=render)
    )


def _said(moment: datetime) -> str:
    shown = f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{shown} {moment:%Z}".strip()
