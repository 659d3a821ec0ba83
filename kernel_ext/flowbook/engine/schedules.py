"""Which triggers with dates the deployed flows have, and when each is due."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property, lru_cache
from typing import Any, Protocol, TypedDict, TypeGuard

from flowbook.errors import ExpressionError, FlowInvalid
from flowbook.flows.model import Flow
from flowbook.flows.parse import parse
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.find import canonical, find
from flowbook.kinds.trigger import Dates, TimedTrigger
from flowbook.triggers.backfill import Backfill
from flowbook.triggers.satisfying import Answer, Satisfying
from flowbook.triggers.zones import machine_zone, zone

from .closing import shown
from .date_conditions import DateConditions, names_of


class Reader(Protocol):
    """What answers named queries: the store."""

    async def query(self, name_or_select: str, /, **params: Any) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A trigger with dates of a deployed flow, with what the history knows of it."""

    flow: Flow
    revision: int | None
    trigger: TimedTrigger
    next_date: datetime | None = None
    """The date that is due next, as the holder of the lease has noted it."""
    last_date: datetime | None = None
    last_execution_id: str | None = None
    disabled: bool = False
    """By its flow, in the text, or by hand."""
    rhythm: Mapping[str, Any] | None = None
    """What `next_date` was reckoned from: cron text, zone, conditions …"""
    problem: str | None = None
    """Why it never fires."""
    backfill: Backfill | None = None
    """The one that goes on."""
    is_new: bool = True
    """Whether the history knows nothing of it yet."""
    unlocked: str | None = None
    """An execution that it needn't wait for."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, flow, trigger."""
        return self.flow.namespace, self.flow.id, self.trigger.id

    @property
    def name(self) -> str:
        """`namespace.flow.trigger`, for messages."""
        return ".".join(self.key)

    @property
    def zone(self) -> tzinfo:
        """The zone its dates are meant in."""
        return zone(self.trigger.timezone)

    @property
    def type(self) -> str:
        """The trigger's type by its full name."""
        return canonical("trigger", self.trigger.type) or self.trigger.type

    @cached_property
    def conditions(self) -> DateConditions:
        """What has to hold at a date."""
        return DateConditions(self.flow, self.trigger, self.revision)

    @property
    def dates(self) -> Dates:
        """The dates at which it fires; where there are conditions, finding one may take some seconds."""
        if not self.conditions:
            return self.trigger
        return Satisfying(self.trigger, self.conditions.ask, self.zone)

    @property
    def current(self) -> dict[str, Json]:
        """What its dates follow from as the flow says it now."""
        told = {**self.trigger.rhythm, **self.conditions.rhythm}
        return dict(json.loads(json.dumps(told, default=str)))

    @property
    def same_rhythm(self) -> bool:
        """Whether the noted date still belongs to what the flow says."""
        return self.rhythm == self.current

    def next_fire(self, now: datetime) -> datetime | None:
        """When it fires next, in its own zone; None if it never does, or too far ahead to be found."""
        if self.disabled or self.problem:
            return None
        noted = self.same_rhythm and (self.next_date is None or self.next_date > now)
        due = self.next_date if noted else self.dates.due(now)
        return due.astimezone(self.zone) if self.fires_at(due) else None

    def fires_at(self, date: datetime | None) -> TypeGuard[datetime]:
        """Whether a date is one that fires, as far as can be told ahead."""
        return date is not None and self.conditions.ask(date) is Answer.YES


def is_timed(kind: str) -> bool:
    """Whether triggers of this type have dates."""
    return issubclass(find("trigger", kind) or object, TimedTrigger)


async def schedules(store: Reader, namespace: str | None = None) -> list[Scheduled]:
    """The schedules of all flows that are deployed; drafts and deleted flows have none."""
    flows = await store.query("flows_latest", namespace=namespace, q=None)
    noted = {
        (row["namespace"], row["flow_id"], row["trigger_id"]): row
        for row in await store.query("triggers_list", namespace=namespace, flow_id=None)
    }
    return [
        scheduled
        for row in flows
        if not row["draft"] and row["source"] and "triggers" in row["source"]
        for scheduled in _of(row, noted)
    ]


async def next_fires(store: Reader, now: datetime, namespace: str | None = None) -> list[Fires]:
    """When each schedule of a workspace fires next, the soonest first."""
    found = await schedules(store, namespace)
    fires = await asyncio.to_thread(lambda: [_fires(scheduled, now) for scheduled in found])
    return sorted(fires, key=lambda one: (one["next"] is None, one["next"] or now, one["flow"]))


class Fires(TypedDict):
    """One trigger with dates as lists show it; dates are in its zone."""

    flow: str
    trigger: str
    type: str
    cron: str | None
    """Of a Schedule."""
    zone: str
    next: datetime | None
    last: datetime | None
    last_execution: str | None
    disabled: bool
    problem: str | None
    backfill: dict[str, Json] | None
    """The one that goes on: id, start, end, currentDate, paused, done, total …"""


def _fires(scheduled: Scheduled, now: datetime) -> Fires:
    return Fires(
        flow=scheduled.flow.uid,
        trigger=scheduled.trigger.id,
        type=scheduled.type,
        cron=getattr(scheduled.trigger, "cron", None),
        zone=scheduled.trigger.timezone or machine_zone(),
        next=scheduled.next_fire(now),
        last=scheduled.last_date,
        last_execution=scheduled.last_execution_id,
        disabled=scheduled.disabled,
        problem=scheduled.problem,
        backfill=None if (known := scheduled.backfill) is None else shown(known.to_json()),
    )


def of_flow(
    flow: Flow, *, revision: int | None = None, disabled: bool = False
) -> Iterator[Scheduled]:
    """The triggers with dates of one flow, without what the history knows of them."""
    for trigger in flow.triggers:
        if isinstance(trigger, TimedTrigger):
            rendered, problem = _ready(flow, trigger)
            yield Scheduled(
                flow=flow,
                revision=revision,
                trigger=rendered,
                disabled=disabled or flow.disabled or trigger.disabled,
                problem=problem,
            )


def _of(
    row: Mapping[str, Any], noted: Mapping[tuple[str, str, str], Mapping[str, Any]]
) -> Iterator[Scheduled]:
    flow = _parsed(row["source"], row["namespace"])
    if flow is None:
        return
    for one in of_flow(flow, revision=row["revision"], disabled=bool(row["disabled"])):
        known = noted.get(one.key)
        if known is None:
            yield one
            continue
        state = known["state"] or {}
        yield Scheduled(
            flow=flow,
            revision=one.revision,
            trigger=one.trigger,
            next_date=known["next_date"],
            last_date=known["last_date"],
            last_execution_id=known["last_execution_id"],
            disabled=one.disabled or bool(known["disabled"]),
            rhythm=state.get("rhythm"),
            problem=one.problem,
            backfill=Backfill.from_json(known["backfill"]),
            is_new=False,
            unlocked=state.get("unlocked"),
        )


def _ready(flow: Flow, trigger: TimedTrigger) -> tuple[TimedTrigger, str | None]:
    """The trigger with its templates rendered, and what keeps it from firing."""
    try:
        if trigger.templates:
            trigger = _rendered(flow, trigger)
        zone(trigger.timezone)
    except (ExpressionError, ValueError) as error:
        return trigger, str(error)
    return trigger, None


def _rendered(flow: Flow, trigger: TimedTrigger) -> TimedTrigger:
    from flowbook.expressions.render import Scope

    from .rendering import raw

    names = names_of(flow, None, {})
    scope = Scope({"vars": names["vars"], "flow": names["flow"]}, dialect=flow.dialect)
    fields = type(trigger).model_fields
    return trigger.rendered(
        {
            name: raw(Template(source, fields[name].annotation), scope)
            for name, source in trigger.templates.items()
        }
    )


@lru_cache(maxsize=512)
def _parsed(source: str, namespace: str) -> Flow | None:
    try:
        return parse(source, namespace=namespace)
    except FlowInvalid:
        return None  # written by another version; whoever runs it says what is wrong
