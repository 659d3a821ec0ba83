"""Whether a dated trigger's conditions and its `when` hold at a date.

What is asked is asked in the order of how long an answer is good: for ever, for a day, for the date, for the
moment. Whatever looks at something else than the date (`kv`, `now` …) is asked only when the date has come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from typing import TypeAlias

from flowbook.errors import ExpressionError
from flowbook.expressions.conditions import holds as is_true
from flowbook.expressions.render import THREADED, Scope, is_dynamic, parse, render_deep, truthy
from flowbook.flows.conditions import OF_DATES, Condition, as_template, inner, kind_of
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Json, holds_template
from flowbook.kinds.trigger import TimedTrigger
from flowbook.triggers.satisfying import Answer

OF_THE_DAY = re.compile(
    r"\b(?:isWeekend|isPublicHoliday|isDayWeekInMonth|isLastWorkingDay|dayOfWeek|dayOfMonth|monthOfYear)"
    r"\(\s*\(?(?:trigger|schedule)\.date\)?\s*(?=[,)])"
)
DATED = re.compile(r"\b(?:trigger|schedule)\b")
FLEETING = (THREADED - {"isPublicHoliday"}) | {
    *("now", "random", "randomInt", "uuid", "id", "ksuid", "nanoId", "env")
}
"""Functions whose answer follows from more than their arguments."""
Services: TypeAlias = Mapping[str, Callable[..., object]]


class Reach(IntEnum):
    """How long the answer to a condition is good."""

    ALWAYS = 0
    DAY = 1
    DATE = 2
    MOMENT = 3


REFUSED = {Reach.ALWAYS: Answer.NEVER, Reach.DAY: Answer.NOT_THAT_DAY}


@dataclass(frozen=True, slots=True)
class Question:
    """One condition: how long its answer is good, and the answer."""

    reach: Reach
    holds: Callable[[Scope], bool]


@dataclass(frozen=True)
class DateConditions:
    """All that has to hold at a date of a trigger."""

    flow: Flow
    trigger: TimedTrigger
    revision: int | None = None

    def __bool__(self) -> bool:
        return bool(self.questions)

    def holds(self, date: datetime, services: Services | None = None) -> bool:
        """Whether the trigger fires at a date that has come. Raises `ExpressionError`."""
        scope = self._scope(date, services or {})
        return all(question.holds(scope) for question in self.questions)

    def ask(self, date: datetime) -> Answer:
        """Whether it may fire at a date to come. Where a condition fails it does, so that somebody sees it."""
        scope = self._scope(date, {})
        for question in self.questions:
            if question.reach is Reach.MOMENT:
                break
            try:
                if not question.holds(scope):
                    return REFUSED.get(question.reach, Answer.NO)
            except ExpressionError:
                return Answer.YES
        return Answer.YES

    @cached_property
    def questions(self) -> list[Question]:
        dialect = self.flow.dialect
        found = [
            Question(reach(each, dialect), lambda scope, each=each: holds(each, scope))  # type: ignore[misc]
            for each in conditions_of(self.trigger)
        ]
        if self.trigger.when is not None:
            text = str(self.trigger.when)
            found.append(Question(reach_of(text, dialect), lambda scope: truthy(text, scope)))
        return sorted(found, key=lambda question: question.reach)

    @property
    def rhythm(self) -> dict[str, Json]:
        """What the answers follow from, as JSON, besides the date."""
        written: list[Json] = [*map(dict, conditions_of(self.trigger))]
        if self.trigger.when is not None:
            written.append(str(self.trigger.when))
        if not written:
            return {}
        return {
            "conditions": written,
            **({"vars": dict(self.flow.variables)} if "vars." in str(written) else {}),
        }

    def _scope(self, date: datetime, services: Services) -> Scope:
        names = names_of(self.flow, self.revision, {"date": date.isoformat()})
        return Scope(names, services, dialect=self.flow.dialect)


def names_of(flow: Flow, revision: int | None, variables: Mapping[str, Json]) -> dict[str, Json]:
    """What expressions of a dated trigger see."""
    return {
        "trigger": variables,
        "schedule": variables,
        "vars": dict(flow.variables),
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": revision},
    }


def conditions_of(trigger: TimedTrigger) -> list[Condition]:
    """The conditions under both their names."""
    given = [trigger.conditions, trigger.schedule_conditions]
    listed = [each for value in given if isinstance(value, list | tuple) for each in value]
    return _usable([each for each in listed if isinstance(each, Mapping)])


def _usable(conditions: list[Condition]) -> list[Condition]:
    return [each for each in conditions if kind_of(each) in OF_DATES]


def holds(condition: Condition, scope: Scope) -> bool:
    """Whether a condition holds for the date in scope. Raises `ExpressionError`."""
    match kind_of(condition):
        case "Not":
            return not any(holds(each, scope) for each in _usable(inner(condition)))
        case "Or":
            return any(holds(each, scope) for each in _usable(inner(condition)))
        case "ExecutionOutputs":
            return False  # a date has no execution before it
        case "Expression":
            return is_true(str(condition.get("expression", "")), scope)
        case kind:
            told = render_deep(condition, scope) if holds_template(condition) else condition
            template = as_template(told)
            if template is None:
                raise ExpressionError(_unreadable(kind, told))
            return is_true(template, scope)


def _unreadable(kind: str, condition: Condition) -> str:
    if kind.endswith("Between") and condition.get("after") is condition.get("before") is None:
        return "Invalid condition with no before nor after"
    return f"The condition {kind} can't be read: {dict(condition)}"


def reach(condition: Condition, dialect: str) -> Reach:
    """How long the answer to a condition is good."""
    if kind_of(condition) in {"Not", "Or"}:
        return max(
            (reach(each, dialect) for each in _usable(inner(condition))), default=Reach.ALWAYS
        )
    return reach_of(as_template(condition) or "", dialect)


def reach_of(text: str, dialect: str) -> Reach:
    """How long the answer of a template is good."""
    if not is_dynamic(text):
        return Reach.MOMENT if dialect == "seed" and text else Reach.ALWAYS
    try:
        template = parse(text, dialect)
    except ExpressionError:
        return Reach.ALWAYS
    if not FLEETING.isdisjoint(template.calls) or (template.waits and dialect == "seed"):
        return Reach.MOMENT
    rest = OF_THE_DAY.sub("", text)
    if DATED.search(rest):
        return Reach.DATE
    return Reach.DAY if rest != text else Reach.ALWAYS
