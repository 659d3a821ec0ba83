"""What a backfill would do: its dates, its inputs, or why it can't be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.errors import Conflict, FlowbookError, InputInvalid, NotFound
from flowbook.executions import events as e
from flowbook.executions.step import born
from flowbook.flows.messages import did_you_mean
from flowbook.kinds.dynamic import Json, holds_template
from flowbook.triggers.backfill import (
    MOST,
    WRITTEN,
    Backfill,
    dates_from,
    first_moment,
    last_moment,
)
from flowbook.triggers.zones import machine_zone

from . import creation, rendering
from .backfilling import laid_over
from .closing import Closing
from .fires import Around, considered
from .flows import split_uid
from .given import apart, unknown_names
from .schedules import Scheduled, schedules

if TYPE_CHECKING:
    from .given import Given
    from .workspace import Workspace


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
    shown = [said(each.astimezone(scheduled.zone)) for each in (first, last)]
    if not problems and first > now:
        problems["start"] = f"start: {shown[0]} is still to come; a backfill is for the past"
    elif not problems and last > now:
        problems["end"] = (
            f"end: {shown[1]} is still to come; a backfill is for the past, the schedule itself "
            "fires what comes. Without an end it goes on until now"
        )
    elif not problems and first > last:
        problems["start"] = f"start: {shown[0]} lies behind the end, {shown[1]}"
    if problems:
        raise InputInvalid(list(problems.values()), list(problems))
    return first.astimezone(UTC), last.astimezone(UTC)


def _dates(scheduled: Scheduled, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The dates there, without those that are known to be refused. Raises `FlowbookError`."""
    try:
        found = list(islice(dates_from(scheduled.trigger, start, end), MOST + 1))
    except Exception as error:  # a trigger of somebody's own
        raise FlowbookError(f"{scheduled.name} can't say its dates: {error!r}") from error
    if len(found) > MOST:
        raise InputInvalid(
            [f"{scheduled.name} has more than {MOST:,} dates there: take a shorter range"], ["end"]
        )
    chosen = tuple(each for each in found if scheduled.fires_at(each))
    if not chosen:
        span = f"{said(start.astimezone(scheduled.zone))} to {said(end.astimezone(scheduled.zone))}"
        why = f": its conditions refuse all {len(found):,}" if found else ""
        raise InputInvalid([f"{scheduled.name} has no date from {span}{why}"], ["start"])
    return chosen


def _values(scheduled: Scheduled, given: Mapping[str, Given]) -> dict[str, Json]:
    """Given inputs as they are kept: a file given for a value is its text. Raises `InputInvalid`."""
    flow = scheduled.flow
    if given and not flow.inputs and "inputs" not in flow.source:
        names = ", ".join(given)
        hint = (
            "A notebook's parameter stands in its task's `parameters`: declare an input and give it "
            f"there, like {{{{ inputs.{next(iter(given))} }}}}"
        )
        raise InputInvalid(
            [f"{flow.uid} reads no inputs, so {names} would change nothing"], [], [hint]
        )
    if (unknown := unknown_names(flow, given)) is not None:
        raise unknown
    values, files = apart(flow.declared, given, Path.cwd())
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


def said(moment: datetime) -> str:
    """`2026-01-31 07:00 CET`."""
    shown = f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{shown} {moment:%Z}".strip()
