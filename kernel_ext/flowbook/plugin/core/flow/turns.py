"""What the flowable parts share: which tasks run, in what order, and the turns of an iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers, as_list, json_text
from flowbook.kinds.dynamic import Json, Template, holds_template
from flowbook.kinds.plan import Lanes, Plan, enabled
from flowbook.kinds.task import Task


def question(value: Any) -> Json:
    """A property that isn't declared dynamic, as something to ask."""
    return Template(value, Any) if holds_template(value) else value


def is_off(value: Json) -> bool:
    """Whether a switch that is on by default was written as `false`."""
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def width(answers: Answers, name: str) -> int | None:
    """How many lanes run at once, from an answer: `None` = all."""
    if answers[name] is None:
        return None
    number = answers.number(name)
    if number < 0:
        raise TaskFailed(f"'{name}' must be 0 (no limit) or more, but is {number}")
    return number or None


def turns(answers: Answers, name: str) -> tuple[list[str], list[str] | None]:
    """The values of an iteration, each once and as text, and the keys if it goes over a map.

    Raises:
        TaskFailed: it isn't a list, or holds a null.
    """
    given = answers[name]
    items = as_list(given, name)
    if nulls := sum(item is None for item in items):
        raise TaskFailed(f"Found '{nulls}' null values on Each, with values={json_text(items)}")
    values = list(dict.fromkeys(as_text(item) for item in items))
    return values, _keys(given, items)


def as_text(item: Json) -> str:
    """A value of an iteration as `taskrun.value` shows it."""
    return item if isinstance(item, str) else json_text(item)


def iterate(
    task: Task, answers: Answers, name: str, tasks: Sequence[Task], limit: int | None, **more: Any
) -> Plan:
    """One lane a value; of no tasks or no values an empty plan."""
    values, keys = turns(answers, name)
    present = enabled(tasks)
    if not present or not values:
        return Plan()
    return Plan(lanes=Lanes(values, present, keys, **more), width=limit, detached=is_off(task.wait))


def _keys(given: Json, items: Sequence[Json]) -> list[str] | None:
    if isinstance(given, str) and given.lstrip().startswith("{"):
        return [item["key"] for item in items]
    return [str(key) for key in given] if isinstance(given, Mapping) else None
