"""Listeners: tasks that run after an execution if all their conditions hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowbook.flows.conditions import as_template, kind_of
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.plan import enabled
from flowbook.kinds.task import Condition, Level, Task

from .model import ROOT
from .turn import Turn

if TYPE_CHECKING:
    from flowbook.flows.model import Flow


def questions(flow: Flow) -> dict[str, Json]:
    """The expressions among the listeners' conditions, by where they stand."""
    return {
        path: Template(text, Condition)
        for number, listener in enumerate(flow.listeners)
        for path, condition in _deep(listener.conditions, str(number))
        if (text := as_template(condition)) is not None
    }


def tasks(turn: Turn, answers: Answers) -> tuple[Task, ...]:
    """The tasks of all listeners that the execution's end concerns, in their order."""
    found: list[Task] = []
    for number, listener in enumerate(turn.flow.listeners):
        conditions = _listed(listener.conditions, str(number))
        if all(_holds(turn, condition, path, answers) for path, condition in conditions):
            found += enabled(listener.tasks)
    return tuple(found)


def _listed(given: object, path: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for index, each in enumerate(given if isinstance(given, list | tuple) else ()):
        if isinstance(each, Mapping):
            yield f"{path}.{index}", each


def _deep(given: object, path: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for place, condition in _listed(given, path):
        yield place, condition
        yield from _deep(condition.get("conditions"), place)


def _holds(turn: Turn, condition: Mapping[str, Json], path: str, answers: Answers) -> bool:
    inner = (
        _holds(turn, each, place, answers)
        for place, each in _listed(condition.get("conditions"), path)
    )
    match kind_of(condition):
        case _ if path in answers:
            return answers.truth(path)
        case "ExecutionStatus":
            state, among = turn.state.value, _words(condition.get("in"))
            return (not among or state in among) and state not in _words(condition.get("notIn"))
        case "Execution":
            states = _words(condition.get("states"))
            return (not states or turn.state.value in states) and _is_of(turn, condition)
        case "ExecutionFlow" | "ExecutionNamespace" | "ExecutionLabels":
            return _is_of(turn, condition)
        case "Not":
            return not any(inner)
        case "Or":
            return any(inner)
        case other:
            turn.note(ROOT, f"A listener's condition '{other}' is not known", Level.WARN)
            return False


def _is_of(turn: Turn, condition: Mapping[str, Json]) -> bool:
    """Whether namespace, flow and labels are those that the condition names."""
    labels, known = condition.get("labels"), dict(turn.labels)
    wanted = labels.items() if isinstance(labels, Mapping) else ()
    return (
        condition.get("namespace") in (None, turn.flow.namespace)
        and condition.get("flowId") in (None, turn.flow.id)
        and all(known.get(str(key)) == str(value) for key, value in wanted)
    )


def _words(given: Json) -> list[str]:
    return [str(each).upper() for each in given] if isinstance(given, list | tuple) else []
