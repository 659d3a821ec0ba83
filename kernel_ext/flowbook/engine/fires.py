"""What a date that has come leads to: an execution or none, and the date after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from flowbook.errors import FlowbookError
from flowbook.expressions.render import Scope, render_deep
from flowbook.kinds.dynamic import Json
from flowbook.kinds.trigger import Recovery
from flowbook.triggers.missed import not_older, resume_at

from .date_conditions import Services, names_of
from .rendering import needs_thread
from .schedules import Scheduled
from .trigger_labels import Labels, rendered_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """One execution that a trigger wants; `error` says why it can't have its inputs."""

    execution_id: str
    namespace: str
    flow_id: str
    date: datetime
    trigger: Mapping[str, Json]
    inputs: Mapping[str, Json]
    labels: Labels
    warnings: Sequence[str] = ()
    """Lines for its log."""
    secrets: frozenset[str] = frozenset()
    """What may be in its inputs and must not be shown."""
    error: str | None = None


Considered: TypeAlias = tuple[Fire | None, datetime | None]
"""An execution, if there is to be one, and the next date."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the templates of one execution to come may call, and the secrets they have read."""

    services: Services = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    open: Callable[[Json], Json] = lambda value: value
    """Gives a stored value as it was; its secrets are known from now on."""


def is_slow(scheduled: Scheduled) -> bool:
    """Whether finding its dates or rendering its inputs may take longer than a moment."""
    trigger = scheduled.trigger
    return bool(scheduled.conditions) or needs_thread(
        [trigger.inputs, trigger.labels], scheduled.flow.dialect
    )


def first(scheduled: Scheduled, now: datetime) -> datetime | None:
    """The date a schedule goes on with: a new one after now, a known one as its recovery says."""
    if scheduled.next_date is None or not scheduled.same_rhythm:
        return scheduled.dates.due(now)
    recovery = scheduled.trigger.recover_missed_schedules or Recovery.ALL
    return resume_at(recovery, scheduled.dates, scheduled.next_date, now)


def considered(
    scheduled: Scheduled, date: datetime, now: datetime, execution_id: str, around: Around
) -> Considered:
    """The execution of a date that has come, if there is to be one, and the next date."""
    trigger, dates = scheduled.trigger, scheduled.dates
    if trigger.late_maximum_delay is not None:
        kept = not_older(dates, date, now - trigger.late_maximum_delay)
        if kept != date:
            return None, kept
    following = dates.due(date)
    error = None
    try:
        if scheduled.conditions and not scheduled.conditions.holds(date, around.services):
            return None, following
    except (FlowbookError, TimeoutError) as failed:
        error = str(failed)
    told = trigger.variables(
        date.astimezone(scheduled.zone),
        following if scheduled.fires_at(following) else None,
        dates.previous(date),
    )
    flow = scheduled.flow
    scope = Scope(names_of(flow, scheduled.revision, told), around.services, dialect=flow.dialect)
    labels, warnings = rendered_labels(trigger.labels, scope)
    inputs: dict[str, Json] = dict(trigger.inputs or {})
    try:
        inputs = dict(render_deep(inputs, scope, typed=True))
    except (FlowbookError, TimeoutError) as failed:
        error = error or str(failed)
    fire = Fire(
        execution_id=execution_id,
        namespace=flow.namespace,
        flow_id=flow.id,
        date=date,
        trigger={"id": trigger.id, "type": scheduled.type, "variables": told},
        inputs=inputs,
        labels=labels,
        warnings=warnings,
        secrets=frozenset(around.secrets),
        error=error,
    )
    return fire, following
