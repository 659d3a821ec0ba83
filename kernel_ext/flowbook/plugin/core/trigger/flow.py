"""`core.trigger.Flow`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from flowbook.flows.conditions import Condition, kind_of
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example, Written
from flowbook.kinds.state import TERMINAL, State
from flowbook.kinds.trigger import Trigger
from flowbook.triggers.conditions import MULTIPLE
from flowbook.triggers.filters import Operator
from flowbook.triggers.windows import Gathering

from .windows import EntryWindow, TimeWindow, upper

DEPENDS_ON = "dependsOn"
"""The name of what the entries of `dependsOn` are gathered as."""
AnyState = Annotated[State, BeforeValidator(upper)]


class UpstreamFlow(Written):
    """An execution to wait for; what is given must all fit."""

    namespace: str | None = None
    """Of its flow."""
    flow_id: str | None = None
    """Its flow."""
    states: tuple[AnyState, ...] | None = None
    """The states it may have come into; any that the trigger looks at if none is given."""
    labels: Json = None
    """Labels it carries, all of them."""

    @property
    def sentence(self) -> str:
        """The execution in a few words: `demo.raw.orders SUCCESS`."""
        flow = ".".join(name for name in (self.namespace, self.flow_id) if name) or "any flow"
        return f"{flow} {' or '.join(self.states or ())}".strip()


class Filter(Written):
    """One test of an execution."""

    field: Annotated[Literal["FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION"], BeforeValidator(upper)]
    """What is tested."""
    type: Annotated[Operator, BeforeValidator(upper)]
    """How it is tested."""
    value: Json = None
    """What it is compared with; of EXPRESSION the expression that is tested itself."""
    values: tuple[Json, ...] | None = None
    """What IN and NOT_IN compare with."""


class Where(Written):
    """Tests that an execution must pass."""

    id: str
    """Its name."""
    operand: Annotated[Literal["AND", "OR"], BeforeValidator(upper)] = "AND"
    """Whether all tests must be passed, or one."""
    filters: tuple[Filter, ...]
    """The tests."""


class Preconditions(Written):
    """Several executions to wait for within a time."""

    id: str
    """Its name."""
    description: str | None = None
    """What it is for, in Markdown."""
    time_window: TimeWindow | None = None
    """The time within which all must have come; a day in UTC."""
    reset_on_success: bool = True
    """Wait for all of them again after it has fired; else each further one fires again."""
    flows: tuple[UpstreamFlow, ...] = ()
    """The executions, each with namespace, flow, states and labels."""
    where: tuple[Where, ...] = ()
    """Executions described by tests."""


class Dependency(UpstreamFlow):
    """One entry of `dependsOn`."""

    when: str | None = None
    """An expression about the execution that must be true as well."""


class Mode(StrEnum):
    """How many entries of `dependsOn` are needed."""

    ALL = "ALL"
    ANY = "ANY"
    AT_LEAST = "AT_LEAST"


class OnMiss(Written):
    """What follows when a window ends and not enough was met."""

    behavior: Annotated[Literal["FAIL"], BeforeValidator(upper)] = "FAIL"
    """A FAILED execution."""
    labels: Json = None
    """Labels it carries."""


class Flow(Trigger):
    """Start an execution when executions of other flows come into a state.

    It looks at every change of state of every execution but those of its own flow, of drafts and of
    executions still CREATED. `dependsOn` says which ones it waits for, alone or several within a window.
    """

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.models.triggers.types.Flow",)

    states: tuple[AnyState, ...] | None = None
    """The states it looks at; the end states and PAUSED if none are given."""
    depends_on: tuple[Dependency, ...] | None = None
    """The executions it waits for, each with flow, namespace, states, labels and `when`."""
    mode: Annotated[Mode, BeforeValidator(upper)] = Mode.ALL
    """Whether all entries of `dependsOn` are needed, any of them, or AT_LEAST `minSatisfied`."""
    min_satisfied: int | None = None
    """With `mode: AT_LEAST`: how many entries are needed."""
    window: EntryWindow | None = None
    """The time within which the entries must be met: `deadline`, or `from` and `to`, or `every` with `offset`, or
    `lookback`; with `timezone` and `fireOnce`. Without it there is no limit."""
    on_miss: OnMiss | None = None
    """What follows when a window ends without them: `{behavior: FAIL, labels: …}`."""
    preconditions: Preconditions | None = None
    """Older way to wait for several executions: `id`, `flows`, `where` with filters, `timeWindow`, `resetOnSuccess`."""
    conditions: Json = None
    """Conditions about the execution that must all hold, like `condition.ExecutionStatus`."""
    when: Json = None
    """An expression about the execution that must be true: `{{ state == 'SUCCESS' }}`."""

    def looks_at(self, dialect: str) -> frozenset[State]:
        """The states whose executions it looks at; entries of `dependsOn` may name their own."""
        usual = TERMINAL if dialect == "seed" else TERMINAL | {State.PAUSED}
        here = usual if self.states is None else frozenset(self.states)
        if not self.depends_on:
            return here
        own = (here if each.states is None else each.states for each in self.depends_on)
        return frozenset[State]().union(*own)

    def plain(self) -> Iterator[Condition]:
        """What must hold of every execution it looks at."""
        for condition in self._listed():
            if kind_of(condition) != MULTIPLE:
                yield condition
        if self.when is not None:
            yield {"type": "When", "when": self.when}

    def waits_for(self, dialect: str) -> Iterator[tuple[Gathering, Mapping[str, Condition]]]:
        """What it gathers, each with its conditions by name."""
        for condition in self._listed():
            if kind_of(condition) == MULTIPLE:
                yield _multiple(condition)
        if self.preconditions is not None:
            yield _preconditions(self.preconditions)
        if self.depends_on:
            here = self.model_copy(update={"depends_on": None}).looks_at(dialect)
            yield self._dependencies(self.depends_on, sorted(here))

    @property
    def sentence(self) -> str:
        """What it waits for, in a few words: `demo.raw.orders SUCCESS and demo.raw.users`."""
        waited = self.depends_on or (self.preconditions.flows if self.preconditions else ())
        named = [each.sentence for each in waited]
        if not named:
            states = " or ".join(self.states or ())
            return f"executions that meet its conditions {states}".strip()
        if self.depends_on and self.mode is Mode.AT_LEAST:
            return f"{self.min_satisfied} of {', '.join(named)}"
        return (" or " if self.depends_on and self.mode is Mode.ANY else " and ").join(named)

    def _listed(self) -> Iterator[Condition]:
        given = self.conditions
        for each in given if isinstance(given, list | tuple) else ():
            if isinstance(each, Mapping):
                yield each

    def _dependencies(
        self, entries: tuple[Dependency, ...], states: list[State]
    ) -> tuple[Gathering, Mapping[str, Condition]]:
        wants = dict(zip(_names(entries), (_entry(each, states) for each in entries), strict=True))
        least = {Mode.ALL: len(entries), Mode.ANY: 1}.get(self.mode, self.min_satisfied or 1)
        gathering = Gathering(
            id=DEPENDS_ON,
            wanted=tuple(wants),
            least=least,
            window=None if self.window is None else self.window.shaped(),
            once=self.window is not None and self.window.fire_once,
        )
        return gathering, wants


def _entry(entry: Dependency, states: list[State]) -> Condition:
    """An entry of `dependsOn` as one condition."""
    wanted = {**_of_flow(entry), "states": states if entry.states is None else list(entry.states)}
    asked = [] if entry.when is None else [{"type": "When", "when": entry.when}]
    return {"type": "All", "conditions": [wanted, *asked]}


def _of_flow(flow: UpstreamFlow) -> dict[str, Json]:
    return {
        "type": "Execution",
        "namespace": flow.namespace,
        "flowId": flow.flow_id,
        "states": None if flow.states is None else list(flow.states),
        "labels": flow.labels,
    }


def _names(entries: tuple[Dependency, ...]) -> Iterator[str]:
    """A name for each entry that follows from what it says, so that an edited one begins anew."""
    seen: Counter[str] = Counter()
    for entry in entries:
        text = json.dumps(entry.model_dump(mode="json"), sort_keys=True)
        name = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}"


def _preconditions(given: Preconditions) -> tuple[Gathering, Mapping[str, Condition]]:
    wanted = [_of_flow(flow) for flow in given.flows]
    wanted += [
        {"type": "Filters", **each.model_dump(mode="json", by_alias=True, exclude={"id"})}
        for each in given.where
    ]
    wants = {f"condition_{number}": each for number, each in enumerate(wanted, 1)}
    gathering = Gathering(
        id=given.id,
        wanted=tuple(wants),
        least=len(wants),
        window=(given.time_window or TimeWindow()).shaped(),
        resets=given.reset_on_success,
    )
    return gathering, wants


def _multiple(given: Condition) -> tuple[Gathering, Mapping[str, Condition]]:
    """A `MultipleCondition`, the oldest way to wait for several. Raises `ValueError`."""
    written = given.get("timeWindow") or {
        name: given[name] for name in ("window", "windowAdvance") if given.get(name) is not None
    }
    conditions = given.get("conditions")
    wants = {
        str(name): each
        for name, each in (conditions.items() if isinstance(conditions, Mapping) else ())
        if isinstance(each, Mapping)
    }
    gathering = Gathering(
        id=str(given.get("id")),
        wanted=tuple(wants),
        least=len(wants),
        window=TimeWindow.model_validate(written).shaped(),
        resets=given.get("resetOnSuccess") is not False,
    )
    return gathering, wants


AFTER_ORDERS = Example(
    title="When orders and users have been loaded, by nine in the morning",
    logs=("Both are there",),
    flow="""
id: after-loading
namespace: demo
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: Both are there}
triggers:
  - id: both-ready
    type: io.kestra.plugin.core.trigger.Flow
    dependsOn:
      - {namespace: demo.raw, flowId: orders, states: [SUCCESS]}
      - {namespace: demo.raw, flowId: users, states: [SUCCESS, WARNING]}
    window: {deadline: "09:00:00", timezone: Europe/Paris}
    onMiss: {behavior: FAIL, labels: {late: "true"}}
""",
)
"""Two loads every morning; a FAILED execution if one of them isn't there at nine."""

WHEN_IT_FAILS = Example(
    title="When any execution of a namespace fails",
    logs=("Somebody should look",),
    flow="""
id: tell-somebody
namespace: demo
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: Somebody should look}
triggers:
  - id: failed
    type: io.kestra.plugin.core.trigger.Flow
    states: [FAILED]
    when: "{{ namespace | startsWith('demo.raw') }}"
    labels: {of: "{{ trigger.flowId }}"}
""",
)
"""What a flow for alarms looks like."""
