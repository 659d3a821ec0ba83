"""Conditions about an execution that has come into a state: what a Flow trigger looks at.

Theory of operation: what a condition reads of the execution itself is decided here. What stands in templates
is a question, which the engine renders; the answers come back by the condition's path. A condition one of
whose questions has no answer doesn't hold, whatever stands around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from flowbook.errors import ExpressionError
from flowbook.expressions.render import text_of
from flowbook.flows.conditions import Condition, as_template, kind_of
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State

from .filters import Operator, passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """An execution as conditions see it, in the state it has come into."""

    namespace: str
    flow_id: str
    state: State
    labels: frozenset[tuple[str, str]] = frozenset()
    has_outputs: bool = False
    """Whether the flow has handed out anything."""
    retried: Callable[[], frozenset[State]] = frozenset
    """The states of attempts of task runs with more than one."""


class Asks(StrEnum):
    """How a question is rendered."""

    EXPRESSION = "expression"
    """By the rule of `condition.Expression`."""
    WHEN = "when"
    """By the rule of `when`, with more names in scope."""
    TEXT = "text"
    """As text."""


@dataclass(frozen=True, slots=True)
class Question:
    """A template whose answer a condition needs."""

    template: str
    asks: Asks = Asks.EXPRESSION


Answers: TypeAlias = Mapping[str, Json]
"""By path; what couldn't be rendered isn't there."""
Owner: TypeAlias = tuple[str, str]
"""Namespace and id of the flow that the trigger belongs to."""
MULTIPLE = "Multiple"
"""`MultipleCondition`: a window of its own."""
OWN = frozenset(
    {
        *("Execution", "ExecutionFlow", "ExecutionNamespace", "ExecutionStatus", "ExecutionLabels"),
        *("HasRetryAttempt", "Flow", "FlowNamespace", "Not", "Or", "All", "When", "Filters"),
    }
)
"""Kinds that are decided here; `All`, `When` and `Filters` are made from `dependsOn` and `where`."""


class Unanswered(Exception):
    """A condition can't be decided; the text says why, unless that is known already."""


def questions(condition: Condition, path: str) -> Iterator[tuple[str, Question]]:
    """What must be rendered before it can be decided, by path."""
    match kind_of(condition):
        case "Not" | "Or" | "All":
            for place, inner in _inner(condition, path):
                yield from questions(inner, place)
        case "When":
            yield path, Question(str(condition["when"]), Asks.WHEN)
        case "ExecutionOutputs":
            yield path, Question(str(condition.get("expression", "")))
        case "Filters":
            for index, each in enumerate(_maps(condition.get("filters"))):
                if each.get("field") == "EXPRESSION":
                    yield f"{path}.{index}", Question(str(each.get("value", "")), Asks.TEXT)
        case kind if kind not in OWN and (text := as_template(condition)) is not None:
            yield path, Question(text)


def may_hold(condition: Condition, upstream: Upstream, owner: Owner) -> bool:
    """Whether it can hold once its questions are answered."""
    if kind_of(condition) == "All":
        return all(may_hold(each, upstream, owner) for _, each in _inner(condition, ""))
    if any(True for _ in questions(condition, "")):
        return kind_of(condition) != "ExecutionOutputs" or upstream.has_outputs
    return holds(condition, "", upstream, {}, owner)


def is_met(
    condition: Condition,
    path: str,
    upstream: Upstream,
    answers: Answers,
    owner: Owner,
    warn: Callable[[str], None] = lambda _: None,
) -> bool:
    """Whether it holds; one that can't be decided doesn't."""
    try:
        return holds(condition, path, upstream, answers, owner)
    except Unanswered as error:
        if str(error):
            warn(str(error))
        return False


def holds(
    condition: Condition, path: str, upstream: Upstream, answers: Answers, owner: Owner
) -> bool:
    """Whether it holds. Raises `Unanswered`."""
    inner = (
        holds(each, place, upstream, answers, owner) for place, each in _inner(condition, path)
    )
    match kind_of(condition):
        case "Not":
            return not any(inner)
        case "Or":
            return any(inner)
        case "All":
            return all(inner)
        case "Execution":
            return _is_of(condition, upstream)
        case "ExecutionFlow" | "ExecutionLabels":
            return _is_of({**condition, "states": None}, upstream)
        case "ExecutionStatus":
            return _among(condition, upstream.state)
        case "ExecutionNamespace":
            return _is_in(condition, upstream.namespace)
        case "HasRetryAttempt":
            return any(_among(condition, state) for state in upstream.retried())
        case "Flow":
            return owner == (condition.get("namespace"), condition.get("flowId"))
        case "FlowNamespace":
            return _is_in(condition, owner[0])
        case "Filters":
            return _filtered(condition, path, upstream, answers)
        case "ExecutionOutputs":
            return upstream.has_outputs and bool(_answer(answers, path))
        case _:
            return bool(_answer(answers, path))


def _is_of(condition: Condition, upstream: Upstream) -> bool:
    """Whether state, namespace, flow and labels are those that it names; what it doesn't name counts."""
    states, labels = condition.get("states"), condition.get("labels")
    return (
        condition.get("namespace") in (None, upstream.namespace)
        and condition.get("flowId") in (None, upstream.flow_id)
        and (not states or upstream.state in _states(states))
        and upstream.labels.issuperset(pairs(labels))
    )


def _among(condition: Condition, state: State) -> bool:
    wanted, unwanted = condition.get("in"), condition.get("notIn")
    return (wanted is None or state in _states(wanted)) and (
        unwanted is None or state not in _states(unwanted)
    )


def _is_in(condition: Condition, namespace: str) -> bool:
    wanted = str(condition.get("namespace"))
    usual = "PREFIX" if condition.get("prefix") is True else "EQUALS"
    match str(condition.get("comparison") or usual).upper():
        case "PREFIX":
            return namespace.startswith(wanted)
        case "SUFFIX":
            return namespace.endswith(wanted)
        case _:
            return namespace == wanted


def _filtered(condition: Condition, path: str, upstream: Upstream, answers: Answers) -> bool:
    results = (
        _passes(each, f"{path}.{index}", upstream, answers)
        for index, each in enumerate(_maps(condition.get("filters")))
    )
    return any(results) if condition.get("operand") == "OR" else all(results)


def _passes(each: Condition, path: str, upstream: Upstream, answers: Answers) -> bool:
    values = [str(one) for one in each.get("values") or ()]
    match each["field"]:
        case "EXPRESSION":
            actual = value = str(_answer(answers, path))
        case name:
            named = {"FLOW_ID": upstream.flow_id, "NAMESPACE": upstream.namespace}
            actual, value = named.get(name, upstream.state.value), str(each.get("value", ""))
    try:
        return passes(Operator(each["type"]), actual, value, values)
    except ExpressionError as error:
        raise Unanswered(str(error)) from None


def _answer(answers: Answers, path: str) -> Json:
    if path not in answers:
        raise Unanswered
    return answers[path]


def _inner(condition: Condition, path: str) -> Iterator[tuple[str, Condition]]:
    for index, each in enumerate(_maps(condition.get("conditions"))):
        yield f"{path}.{index}", each


def _maps(given: Json) -> list[Condition]:
    return [each for each in given if isinstance(each, Mapping)] if _is_list(given) else []


def _is_list(given: Json) -> bool:
    return isinstance(given, list | tuple)


def _states(given: Json) -> frozenset[State]:
    listed = given if _is_list(given) else [given]
    return frozenset(State(str(each).upper()) for each in listed)


def pairs(labels: Json) -> frozenset[tuple[str, str]]:
    """Labels, written as a map or as a list of `{key, value}`, as keys with their texts."""
    if isinstance(labels, Mapping):
        return frozenset((str(key), text_of(value)) for key, value in labels.items())
    return frozenset((str(each.get("key")), text_of(each.get("value"))) for each in _maps(labels))
