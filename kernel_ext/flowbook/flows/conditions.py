"""Conditions of tasks, listeners and schedules as one expression: `core.condition.Weekend` is `isWeekend(trigger.date)`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import time

from ..kinds.dynamic import Json

FLOW_TRIGGER = "io.kestra.plugin.core.trigger.Flow"
Condition = Mapping[str, Json]
OF_DATES = (
    *("DateTimeBetween", "TimeBetween", "DayWeek", "DayWeekInMonth", "Weekend", "PublicHoliday"),
    *("Expression", "ExecutionOutputs", "Not", "Or"),
)
"""The kinds that a trigger with dates can use."""
WHOLE = re.compile(r"^\s*\{\{-?(?P<inside>(?:(?!\{\{|\}\}).)*?)-?\}\}\s*$", re.DOTALL)


def kind_of(condition: Condition) -> str:
    """`Expression`, `DayWeek` …, without the older ending."""
    name = str(condition.get("type", "")).rpartition(".")[2]
    short = name.removesuffix("Condition") or "Expression"
    return "Expression" if short == "Variable" else short


def as_template(condition: Condition) -> str | None:
    """The text that is true when the condition holds; `None` for a kind that asks for something else."""
    if kind_of(condition) == "Expression":
        return str(condition["expression"]) if "expression" in condition else None
    found = expression(condition)
    return None if found is None else "{{ " + found + " }}"


def expression(condition: Condition) -> str | None:
    """The same without braces, to be put into a larger one."""
    date = _date(condition.get("date"))
    match kind_of(condition):
        case "Expression":
            whole = WHOLE.match(str(condition.get("expression", "")))
            return None if whole is None else whole["inside"].strip()
        case "DayWeek":
            return f"dayOfWeek({date}) == {_text(_upper(condition.get('dayOfWeek')))}"
        case "DayWeekInMonth":
            day, which = _upper(condition.get("dayOfWeek")), _upper(condition.get("dayInMonth"))
            return f"isDayWeekInMonth({date}, {_text(day)}, {_text(which)})"
        case "Weekend":
            return f"isWeekend({date})"
        case "PublicHoliday":
            names = [condition.get("country") or "US", condition.get("subDivision")]
            return f"isPublicHoliday({', '.join([date, *(_text(each) for each in names if each)])})"
        case "DateTimeBetween" | "DateBetween":
            return _between(
                condition, f"({date} | timestamp)", lambda bound: f"({_date(bound)} | timestamp)"
            )
        case "TimeBetween":
            return _time_between(condition, date)
        case "ExecutionFlow" | "Flow":
            own = [
                ("flow.id", condition.get("flowId")),
                ("flow.namespace", condition.get("namespace")),
            ]
            return _all([f"{name} == {_text(value)}" for name, value in own if value is not None])
        case "Not":
            parts = _inner(condition)
            return None if parts is None else f"not ({' or '.join(parts) or 'false'})"
        case "Or":
            parts = _inner(condition)
            return None if parts is None else f"({' or '.join(parts) or 'false'})"
        case _:
            return None


def inner(condition: Condition) -> list[Condition]:
    """The conditions that `Not` and `Or` hold."""
    given = condition.get("conditions")
    listed: Sequence[Json] = given if isinstance(given, list | tuple) else ()
    return [each for each in listed if isinstance(each, Mapping)]


def _inner(condition: Condition) -> list[str] | None:
    found = [expression(each) for each in inner(condition)]
    return None if any(each is None for each in found) else [f"({each})" for each in found]


def _between(condition: Condition, value: str, bound: object) -> str | None:
    assert callable(bound)
    after, before = condition.get("after"), condition.get("before")
    asked = [f"{value} > {bound(after)}"] if after is not None else []
    asked += [f"{value} < {bound(before)}"] if before is not None else []
    return _all(asked)


def _time_between(condition: Condition, date: str) -> str | None:
    """Times of day as numbers, `HHmmss`, each bound in its own zone."""
    asked = []
    for name, sign in (("after", ">"), ("before", "<")):
        given = condition.get(name)
        if given is None:
            continue
        try:
            bound = time.fromisoformat(str(given))
        except ValueError:
            return None
        zone = f", timeZone={_text(_offset(bound))}" if bound.tzinfo is not None else ""
        asked.append(
            f"({date} | date('HHmmss'{zone}) | number) {sign} {int(bound.strftime('%H%M%S'))}"
        )
    return _all(asked)


def _offset(bound: time) -> str:
    text = bound.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"


def _all(asked: Sequence[str]) -> str | None:
    return " and ".join(f"({each})" for each in asked) or None


def _date(given: Json) -> str:
    """A date as an expression: the trigger's by default."""
    if given is None:
        return "trigger.date"
    whole = WHOLE.match(str(given))
    return _text(given) if whole is None else f"({whole['inside'].strip()})"


def _upper(given: Json) -> str:
    return str(given).upper()


def _text(given: Json) -> str:
    return json.dumps(str(given), ensure_ascii=False)
