"""An execution in the eyes of a Flow trigger: as conditions see it, and as the new execution is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError
from flowbook.executions.changes import iso_text
from flowbook.executions.model import Execution, TaskRun, changed
from flowbook.executions.variables import Lazy, nested_labels, outputs_of
from flowbook.expressions.render import Scope, render, truthy
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.triggers.conditions import Answers, Asks, Question, Upstream

from . import rendering

if TYPE_CHECKING:
    from flowbook.flows.model import Flow

    from .closing import Closing
    from .workspace import Workspace


def in_state(execution: Execution, number: int) -> Execution:
    """An execution as it was when it came into the state with this number of its history."""
    state = execution.history[number][0]
    results = execution.results if state.is_terminal else None
    return changed(execution, state=state, history=execution.history[: number + 1], results=results)


def facts(execution: Execution) -> Upstream:
    """The execution as conditions see it."""
    return Upstream(
        namespace=execution.flow.namespace,
        flow_id=execution.flow.id,
        state=execution.state,
        labels=frozenset(execution.labels),
        has_outputs=bool(execution.results),
        retried=partial(_retried, execution),
    )


def _retried(execution: Execution) -> frozenset[State]:
    """The states of all attempts of task runs with more than one."""
    runs = (run for run in execution.task_runs.values() if len(run.attempts) > 1)
    return frozenset(attempt.state for run in runs for attempt in run.attempts)


def variables(execution: Execution, outputs: Mapping[str, Json] | None) -> dict[str, Json]:
    """What expressions see as `trigger` of an execution that this one has started."""
    found: dict[str, Json] = {
        "executionId": execution.id,
        "namespace": execution.flow.namespace,
        "flowId": execution.flow.id,
        "flowRevision": execution.revision,
        "state": execution.state.value,
        "executionLabels": nested_labels(execution),
        "startDate": iso_text(execution.history[0][1]),
    }
    if execution.end is not None:
        found["endDate"] = iso_text(execution.end)
    if outputs:
        found["outputs"] = dict(outputs)
    runs = execution.in_order()
    if failed := [run for run in runs if run.state is State.FAILED]:
        found["firstFailedTaskId"] = min(failed, key=_failed_at).task_id
    if runs:
        found["lastTaskId"] = runs[-1].task_id
    return found


def _failed_at(run: TaskRun) -> tuple[Any, ...]:
    """When a task run failed; a flowable fails after what is in it."""
    return run.end, run.stand is not None, run.position


@dataclass(frozen=True, slots=True)
class Sight:
    """The names that templates of a trigger see of an execution."""

    scope: Scope
    when: Scope
    """The same for `when`, which has a few more."""


def sight(
    workspace: Workspace,
    owner: Flow,
    execution: Execution,
    closing: Closing,
    trigger: Mapping[str, Json],
) -> Sight:
    """What templates of a trigger of the flow `owner` see of an execution."""
    scope = rendering.scope_of(
        execution,
        None,
        storage=workspace.storage,
        services=workspace.services(execution, closing),
        surroundings=workspace.surroundings(execution.flow),
        extra={"trigger": trigger},
    )
    scope = replace(scope, dialect=owner.dialect)
    return Sight(scope, replace(scope, variables=_with_own(scope, execution)))


def _with_own(scope: Scope, execution: Execution) -> Mapping[str, Any]:
    flow = execution.flow
    more: dict[str, Callable[[], Any]] = {
        "namespace": lambda: flow.namespace,
        "flowId": lambda: flow.id,
        "state": lambda: execution.state.value,
        "hasRetryAttempt": lambda: bool(_retried(execution)),
        "outputs": lambda: {**outputs_of(execution), **(execution.results or {})},
        "execution": lambda: {**_known(scope, "execution"), "outputs": execution.results or {}},
    }
    names = {name: partial(scope.variables.__getitem__, name) for name in scope.variables}
    return Lazy({**names, **more})


def _known(scope: Scope, name: str) -> dict[str, Any]:
    found: Any = scope.variables[name]
    return dict(found)


async def answered(
    questions: Mapping[str, Question], seen: Sight, warn: Callable[[str], None]
) -> Answers:
    """The answers to the questions of conditions; for each that can't be rendered a warning instead."""
    if not questions:
        return {}

    def answers() -> tuple[dict[str, Json], list[str]]:
        found: dict[str, Json] = {}
        failed: list[str] = []
        for path, question in questions.items():
            try:
                found[path] = _answer(question, seen)
            except FlowbookError as error:
                failed.append(str(error))
        return found, failed

    templates = [question.template for question in questions.values()]
    found, failed = await rendering.in_place(templates, seen.scope, answers)
    for message in failed:
        warn(message)
    given: Answers = found
    return given


def _answer(question: Question, seen: Sight) -> Json:
    match question.asks:
        case Asks.EXPRESSION:
            from flowbook.expressions.conditions import holds

            return holds(question.template, seen.scope)
        case Asks.WHEN:
            return truthy(question.template, seen.when)
        case Asks.TEXT:
            return render(question.template, seen.scope)


async def outputs_for(
    workspace: Workspace,
    execution: Execution,
    events: Iterable[Mapping[str, str]],
    closing: Closing,
    *,
    by_flow: int,
) -> dict[str, Json]:
    """`trigger.outputs`: the flow's own; with `dependsOn` of so many entries those of each flow by its id."""
    own: dict[str, Json] = dict(execution.results or {})
    if not by_flow:
        return own
    found: dict[str, Json] = {}
    for event in events:
        if event["execution"] == execution.id:
            outputs: Mapping[str, Json] | None = own
        else:
            rows = await workspace.store.query("execution_row", id=event["execution"])
            outputs = closing.open(rows[0]["outputs"]) if rows and rows[0]["outputs"] else None
        if outputs:
            found[event["flow"]] = dict(outputs)
    return {**own, **found} if by_flow == 1 else found
