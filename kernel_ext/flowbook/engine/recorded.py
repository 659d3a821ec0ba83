"""Outputs that stand for the tasks which a run of a part passes over: those of the flow's last good run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, ExpressionError
from flowbook.executions.model import Execution, TaskRun
from flowbook.executions.partial import running
from flowbook.expressions import render as language
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.part import Written
from flowbook.kinds.state import State
from flowbook.kinds.task import Task

from .rendering import plain

if TYPE_CHECKING:
    from .closing import Closing
    from .workspace import Workspace

GOOD = (State.SUCCESS, State.WARNING)
ENDED = tuple(state for state in State if state.is_terminal)
LOOKED_AT = 20
"""So many of the newest executions are looked through."""
LENIENT = ("??", "default", " is ", "errorOnMissing")
"""A template with one of these may do without what it reads."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Outputs by task id, and the execution they are of."""

    outputs: Mapping[str, Json]
    execution_id: str | None


async def recorded(
    workspace: Workspace,
    flow: Flow,
    only: Sequence[str],
    closing: Closing,
    of: Execution | None = None,
) -> Recorded:
    """What stands for the tasks passed over, of one execution if it is named; `closing` learns the secrets
    in it. Raises `Conflict` when a task that runs reads outputs of one that is passed over and of which
    nothing is recorded."""
    chosen = list(running(flow, set(only)))
    absent = {str(task.id) for task in flow.all_tasks()} - {str(task.id) for task in chosen}
    if not absent:
        return Recorded({}, None)
    reads = {name: by for name, by in _reads(flow, chosen).items() if name in absent}
    if of is not None:
        found = Recorded(_outputs(of, absent), of.id)
    else:
        found = await _newest(workspace, flow, absent, set(reads), closing)
    missing = sorted(set(reads) - set(found.outputs))
    if missing and flow.dialect == "kestra":
        first = missing[0]
        nobody = f"execution {of.id} has not" if of else f"no execution of '{flow.uid}' has"
        raise Conflict(
            f"Task '{reads[first]}' reads outputs of '{first}', which would not run, and nothing is "
            f"recorded of it: {nobody} brought it to a good end. Run the flow as a whole once, or begin "
            f"with '{first}'."
        )
    return found


async def _newest(
    workspace: Workspace, flow: Flow, absent: set[str], needed: set[str], closing: Closing
) -> Recorded:
    """Of the newest execution that ended well; else of the newest one in which all that is needed did."""
    rows = await _executions(workspace, flow, GOOD)
    if needed:
        rows += await _executions(workspace, flow, ENDED)
    for row in rows:
        driver = await workspace.adoption.read(row["id"])
        outputs = _outputs(driver.execution, absent)
        if needed <= set(outputs):
            closing.learn(driver.closing.values)
            return Recorded(outputs, row["id"] if outputs else None)
    return Recorded({}, None)


async def _executions(
    workspace: Workspace, flow: Flow, states: Sequence[State]
) -> list[dict[str, Any]]:
    found = await workspace.history.executions(
        namespace=flow.namespace,
        flow_id=flow.id,
        states=[str(state) for state in states],
        limit=LOOKED_AT,
    )
    return [row for row in found if row["namespace"] == flow.namespace]


def _outputs(execution: Execution, absent: set[str]) -> dict[str, Json]:
    """What an execution has of these tasks, as far as they came to a good end."""
    bad = {run.task_id for run in execution.task_runs.values() if _is_bad(run)}
    return {
        name: plain(value)
        for name, value in execution.outputs.items()
        if name in absent and name not in bad
    }


def _is_bad(run: TaskRun) -> bool:
    return run.state not in (*GOOD, State.SKIPPED)


def _reads(flow: Flow, tasks: Sequence[Task]) -> dict[str, str]:
    """The ids of tasks whose outputs these tasks can't do without, and who reads each."""
    found: dict[str, str] = {}
    for task in tasks:
        for source in _templates(task, top=True):
            if any(word in source for word in LENIENT):
                continue
            for path in _paths(source, flow.dialect):
                if path[0] == "outputs" and len(path) > 1:
                    found.setdefault(path[1], str(task.id))
    return found


def _paths(source: str, dialect: str) -> tuple[tuple[str, ...], ...]:
    try:
        return language.parse(source, dialect).paths
    except ExpressionError:  # the task will say so
        return ()


def _templates(value: Any, *, top: bool = False) -> Iterator[str]:
    """The texts with expressions in a task's own properties, without those of tasks inside it."""
    match value:
        case str():
            if language.is_dynamic(value):
                yield value
        case Template():
            yield from _templates(value.source)
        case Task() if not top:
            return
        case Written():
            for name in type(value).model_fields:
                yield from _templates(getattr(value, name))
        case Mapping():
            for item in value.values():
                yield from _templates(item)
        case list() | tuple():
            for item in value:
                yield from _templates(item)
