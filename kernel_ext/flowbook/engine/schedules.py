"""Which schedules the deployed flows have, and when each is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, TypedDict

from flowbook.errors import ExpressionError, FlowInvalid
from flowbook.flows.model import Flow
from flowbook.flows.parse import parse
from flowbook.plugin.core.trigger.schedule import Schedule
from flowbook.triggers.zones import machine_zone

TYPE = "io.kestra.plugin.core.trigger.Schedule"


class Reader(Protocol):
    """What answers named queries: the store."""

    async def query(self, name_or_select: str, /, **params: Any) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A schedule of a deployed flow, with what the history knows of it."""

    flow: Flow
    revision: int | None
    trigger: Schedule
    next_date: datetime | None = None
    """The date that is due next, as the holder of the lease has noted it."""
    last_date: datetime | None = None
    last_execution_id: str | None = None
    disabled: bool = False
    """By its flow, in the text, or by hand."""
    rhythm: Mapping[str, Any] | None = None
    """The cron text and zone that `next_date` was reckoned with."""
    problem: str | None = None
    """Why it never fires."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, flow, trigger."""
        return self.flow.namespace, self.flow.id, self.trigger.id

    @property
    def name(self) -> str:
        """`namespace.flow.trigger`, for messages."""
        return ".".join(self.key)

    @property
    def same_rhythm(self) -> bool:
        """Whether the noted date still belongs to the cron text and zone of the flow."""
        return self.rhythm == rhythm(self.trigger)

    def next_fire(self, now: datetime) -> datetime | None:
        """When it fires next, in its own zone; None if it never does."""
        if self.disabled or self.problem:
            return None
        noted = self.next_date if self.same_rhythm else None
        due = noted if noted is not None and noted > now else self.trigger.due(now)
        return due.astimezone(self.trigger.zone) if due is not None else None


def rhythm(trigger: Schedule) -> dict[str, Any]:
    """What a schedule's dates follow from."""
    return {
        "cron": trigger.cron,
        "timezone": trigger.timezone,
        "withSeconds": trigger.with_seconds,
    }


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
    found = [
        Fires(
            flow=scheduled.flow.uid,
            trigger=scheduled.trigger.id,
            cron=scheduled.trigger.cron,
            zone=scheduled.trigger.timezone or machine_zone(),
            next=scheduled.next_fire(now),
            last=scheduled.last_date,
            last_execution=scheduled.last_execution_id,
            disabled=scheduled.disabled,
            problem=scheduled.problem,
        )
        for scheduled in await schedules(store, namespace)
    ]
    return sorted(found, key=lambda one: (one["next"] is None, one["next"] or now, one["flow"]))


class Fires(TypedDict):
    """One schedule as lists show it; dates are in its zone."""

    flow: str
    trigger: str
    cron: str
    zone: str
    next: datetime | None
    last: datetime | None
    last_execution: str | None
    disabled: bool
    problem: str | None


def of_flow(
    flow: Flow, *, revision: int | None = None, disabled: bool = False
) -> Iterator[Scheduled]:
    """The schedules of one flow, without what the history knows of them."""
    for trigger in flow.triggers:
        if isinstance(trigger, Schedule):
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
        )


def _ready(flow: Flow, trigger: Schedule) -> tuple[Schedule, str | None]:
    """The schedule with its templates rendered, and what keeps it from firing."""
    if trigger.conditions or trigger.schedule_conditions:
        return trigger, "conditions of schedules aren't evaluated by this version; use `when`"
    if not trigger.holds_template:
        return trigger, None
    from flowbook.expressions.render import Scope, render

    scope = Scope(
        {"vars": dict(flow.variables), "flow": {"id": flow.id, "namespace": flow.namespace}},
        dialect=flow.dialect,
    )
    try:
        zone = None if trigger.timezone is None else render(trigger.timezone, scope)
        return trigger.rendered(render(trigger.cron, scope), zone), None
    except (ExpressionError, ValueError) as error:
        return trigger, str(error)


@lru_cache(maxsize=512)
def _parsed(source: str, namespace: str) -> Flow | None:
    try:
        return parse(source, namespace=namespace)
    except FlowInvalid:
        return None  # written by another version; whoever runs it says what is wrong
