"""Functions that look around in the execution: its iterations, its task runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.errors import ExpressionError

from ..bounds import rendering
from ..registry import function_
from ..text import text_of
from ..values import Value, is_list, kind_of, opened


def _variables() -> Mapping[str, Any]:
    scope = rendering().scope
    return scope.variables if scope is not None else {}


def _outer_values() -> list[Value]:
    """The values of the enclosing iterations, the outermost first."""
    values = []
    for parent in _variables().get("parents") or ():
        run = parent.get("taskrun") if isinstance(parent, Mapping) else None
        if isinstance(run, Mapping) and run.get("value") is not None:
            values.append(run["value"])
    return values[::-1]


def _within(outputs: Value, values: list[Value], name: str) -> Value:
    for value in values:
        key = text_of(value)
        if not isinstance(outputs, Mapping) or key not in outputs:
            raise ExpressionError(
                f"Unable to find `{key}` among the outputs given to '{name}'", unknown=key
            )
        outputs = outputs[key]
    return outputs


@function_("currentEachOutput")
def current_each_output(outputs: Value) -> Value:
    """What a task gave in the iteration that is going on.

    >>> show("{{ currentEachOutput(outputs.t).value }}", outputs={"t": {"a": {"value": 1}}}, taskrun={"value": "a"})
    '1'
    """
    run = _variables().get("taskrun")
    if not isinstance(run, Mapping) or run.get("value") is None:
        raise ExpressionError(
            "'currentEachOutput' needs an iteration: this task has no `taskrun.value`"
        )
    return _within(outputs, [*_outer_values(), run["value"]], "currentEachOutput")


@function_("iterationOutput")
def iteration_output(outputs: Value, iteration: int | None = None) -> Value:
    """What a task gave in an iteration of the enclosing loop, counted from 0; without a number, in the previous one.

    >>> show("{{ iterationOutput(outputs.t).v }}", outputs={"t": {"a": {"v": 1}, "b": {"v": 2}}}, taskrun={"value": "b", "iteration": 1})
    '1'
    """
    if iteration is None:
        run = _variables().get("taskrun")
        current = run.get("iteration") if isinstance(run, Mapping) else None
        if type(current) is not int:
            raise ExpressionError(
                "'iterationOutput' needs an iteration: this task has no `taskrun.iteration`"
            )
        iteration = current - 1
    try:
        found = _within(outputs, _outer_values(), "iterationOutput")
    except ExpressionError:
        return None
    items = list(found.values()) if isinstance(found, Mapping) else list(found or ())
    return items[iteration] if 0 <= iteration < len(items) else None


@function_("parentOutput")
def parent_output(index: int = 0) -> Value:
    """The outputs of an enclosing flowable task, the nearest without a number.

    >>> show("{{ parentOutput().n }}", parents=[{"outputs": {"n": 1}}])
    '1'
    """
    parents = list(_variables().get("parents") or ())
    if type(index) is not int or not 0 <= index < len(parents):
        raise ExpressionError(
            f"There is no enclosing task number {index}: there are {len(parents)}"
        )
    found = parents[index]
    return found.get("outputs") if isinstance(found, Mapping) else None


@function_("tasksWithState")
def tasks_with_state(state: str) -> list[dict[str, Value]]:
    """The task runs that are in a state: `taskId`, `value` inside an iteration, `state`.

    >>> show("{{ tasksWithState('FAILED') }}", tasks={"a": {"state": "FAILED"}, "b": {"x": {"state": "SUCCESS"}}})
    '[{"taskId":"a","state":"FAILED"}]'
    """
    tasks = _variables().get("tasks") or {}
    wanted = text_of(state).upper()
    found: list[dict[str, Value]] = []
    for task, runs in tasks.items():
        _collect(task, runs, [], wanted, found)
    return found


def _collect(
    task: str, runs: Value, values: list[str], wanted: str, found: list[dict[str, Value]]
) -> None:
    if not isinstance(runs, Mapping):
        return
    state = runs.get("state")
    if isinstance(state, str):
        if state == wanted:
            found.append(
                {"taskId": task, **({"value": values[-1]} if values else {}), "state": str(state)}
            )
        return
    for value, run in runs.items():
        rendering().turn()
        _collect(task, run, [*values, value], wanted, found)


@function_("loopOutputs")
def loop_outputs(outputs: Value, name: str) -> list[Value]:
    """One output of every iteration of a Loop, null where it is missing.

    >>> show("{{ loopOutputs(outputs.l.outputs, 'n') }}", outputs={"l": {"outputs": [{"n": 1}, {}]}})
    '[1,null]'
    """
    found = opened(outputs)
    if isinstance(found, Mapping):
        found = list(found.values())
    if not is_list(found):
        raise ExpressionError(
            f"'loopOutputs' expects `outputs.<loop>.outputs`, not {kind_of(outputs)}"
        )
    return [_output(item, name) for item in found]


def _output(item: Value, name: str) -> Value:
    """An output of an entry `{item, outputs}`, or of the outputs themselves."""
    if isinstance(item, Mapping) and "item" in item and isinstance(item.get("outputs"), Mapping):
        item = item["outputs"]
    return item.get(name) if isinstance(item, Mapping) else None
