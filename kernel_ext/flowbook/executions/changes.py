"""The rows that a fold has moved, as the history's tables keep them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flowbook.kinds.change import Change

from .model import UNSET, Attempt, Execution, History, TaskRun

if TYPE_CHECKING:
    from .turn import Turn


def rows(before: Execution, after: Execution, turn: Turn) -> tuple[Change, ...]:
    """Whole rows of what has moved, by primary key."""
    moved = [execution_row(after)]
    for run_id in turn.touched:
        run = after.task_runs.get(run_id)
        if run is None:
            continue
        old = None if turn.fresh else before.task_runs.get(run_id)
        if old is run:
            continue
        moved.append(task_run_row(after, run))
        known = old.attempts if old is not None else ()
        for index, attempt in enumerate(run.attempts):
            if index >= len(known) or known[index] is not attempt:
                moved.append(attempt_row(after, run, attempt))
        if run.outputs is not None and (old is None or old.outputs is not run.outputs):
            moved.append(outputs_row(after, run))
    for run_id in turn.removed:
        if run_id in before.task_runs and run_id not in after.task_runs:
            moved.append(Change("task_runs", (run_id,), None))
            moved.append(Change("outputs", (run_id,), None))
    return tuple(moved)


def execution_row(execution: Execution) -> Change:
    return Change(
        "executions",
        (execution.id,),
        {
            "id": execution.id,
            "namespace": execution.flow.namespace,
            "flow_id": execution.flow.id,
            "flow_revision": execution.revision,
            "state": str(execution.state),
            "created_at": _time(execution.history[0][1]),
            "started_at": _time(execution.start),
            "ended_at": _time(execution.end),
            "schedule_date": _time(execution.schedule_date),
            "histories": histories(execution.history),
            "labels": [{"key": key, "value": value} for key, value in execution.labels],
            "inputs": _plain(execution.inputs),
            "outputs": _plain(execution.results),
            "variables": set_variables(execution.variables),
            "trigger": _plain(execution.trigger),
            "error": _plain(execution.error),
            "parent_id": execution.parent_id,
            "original_id": execution.original_id,
            "attempt_number": execution.attempt_number,
            "kind": execution.kind,
            "task_runs": execution.count,
            "draft": execution.draft,
        },
    )


def task_run_row(execution: Execution, run: TaskRun) -> Change:
    return Change(
        "task_runs",
        (run.id,),
        {
            "id": run.id,
            "execution_id": execution.id,
            "namespace": execution.flow.namespace,
            "flow_id": execution.flow.id,
            "task_id": run.task_id,
            "type": run.type,
            "parent_id": run.parent or None,
            "value": run.value,
            "iteration": run.iteration,
            "position": run.position,
            "state": run.state._value_,
            "started_at": _time(run.start),
            "ended_at": _time(run.end),
            "histories": histories(run.history),
            "attempts": len(run.attempts),
            "error": _plain(run.error),
            "progress": None if run.stand is None else {"lanes": len(run.stand.plan.lanes)},
        },
    )


def attempt_row(execution: Execution, run: TaskRun, attempt: Attempt) -> Change:
    return Change(
        "attempts",
        (run.id, attempt.number),
        {
            "task_run_id": run.id,
            "number": attempt.number,
            "execution_id": execution.id,
            "state": attempt.state._value_,
            "started_at": _time(attempt.start),
            "ended_at": _time(attempt.end),
            "host": None,
            "error": _plain(attempt.error),
            "rendered": _more(attempt),
        },
    )


def _more(attempt: Attempt) -> dict[str, Any] | None:
    """What else is known of an attempt."""
    more: dict[str, Any] = {}
    if attempt.cache is not None:
        more["cache"] = dict(attempt.cache)
    if attempt.continues is not None:
        edits = [dict(edit) for edit in attempt.edits]
        more |= {"continues": attempt.continues, "cell": attempt.cell, "edits": edits}
    return more or None


def outputs_row(execution: Execution, run: TaskRun) -> Change:
    return Change(
        "outputs",
        (run.id,),
        {
            "task_run_id": run.id,
            "execution_id": execution.id,
            "namespace": execution.flow.namespace,
            "flow_id": execution.flow.id,
            "task_id": run.task_id,
            "value": run.value,
            "outputs": _plain(run.outputs),
        },
    )


@lru_cache(maxsize=1024)
def histories(history: History) -> list[dict[str, str]]:
    """A history as rows hold it, not to be changed: task runs that move together have one."""
    return [{"state": state._value_, "date": iso_text(moment)} for state, moment in history]


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso_text(moment)


@lru_cache(maxsize=4096)
def iso_text(moment: datetime) -> str:
    """A date as rows hold it; what one step moves has one date."""
    return moment.isoformat()


def set_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that an execution has set, without those it has only unset."""
    return {
        name: set_variables(value) if isinstance(value, Mapping) else value
        for name, value in variables.items()
        if value != UNSET
    }


def _plain(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)
