"""Why a task has no task run: what stands before it, or around it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flowbook.executions.model import ROOT, Execution, Section, TaskRun
from flowbook.kinds.plan import enabled
from flowbook.kinds.state import State
from flowbook.kinds.task import Task

STOPS = frozenset({State.FAILED, State.KILLED, State.CANCELLED})


def absent(execution: Execution, task: Task) -> Iterator[str]:
    """Sentences about a task that never came to be run."""
    name = f"'{task.id}'"
    if task.disabled:
        yield f"{name} is disabled, so it has no task run."
        return
    around, section, siblings = place(execution, task)
    if around is not None:
        yield from _inside(execution, task, around, section, siblings)
        return
    if section == "errors":
        yield f"{name} stands among the flow's errors, which run when a task has failed: {_state(execution)}."
    elif section == "finally" and execution.state is State.KILLED:
        yield f"{name} stands in finally, which doesn't run after a kill."
    elif section in ("afterExecution", "listeners"):
        yield f"{name} runs when the execution has ended: {_state(execution)}."
    elif not execution.task_runs:
        yield f"{name} hasn't run: {_not_begun(execution)}."
    else:
        yield _before(execution, task, siblings, ROOT)


def place(execution: Execution, task: Task) -> tuple[Task | None, str, Sequence[Task]]:
    """The task around it (none at the root), the name of its list, and the list."""
    for section, tasks in execution.flow.scopes().items():
        if any(one is task for one in tasks):
            return None, section, tasks
    for above in execution.flow.by_id().values():
        for section, tasks in above.branches().items():
            if any(one is task for one in tasks):
                return above, section, tasks
    return None, "tasks", ()


def _inside(
    execution: Execution, task: Task, around: Task, section: str, siblings: Sequence[Task]
) -> Iterator[str]:
    name = f"'{task.id}'"
    above = [run for run in execution.in_order() if run.task_id == around.id]
    if not above:
        yield f"{name} is inside '{around.id}', which has no task run."
        yield from absent(execution, around)
        return
    run = above[-1]
    if run.state is State.SKIPPED:
        yield f"{name} is inside '{around.id}', which was skipped."
    elif section == "errors":
        yield f"{name} stands among the errors of '{around.id}', in which nothing has failed."
    elif (said := _not_chosen(run, section)) is not None:
        yield f"{name} is in a branch of '{around.id}' that wasn't taken: {said}."
    elif run.stand is not None and not run.stand.plan.lanes and run.stand.section is Section.TASKS:
        yield f"{name} is inside '{around.id}', which had nothing to go over."
    elif run.stand is None and run.state in STOPS:
        message = (run.error or {}).get("message", "")
        yield f"{name} is inside '{around.id}', which was {run.state} before it began: {message}"
    else:
        yield _before(execution, task, siblings, run.id)


def _not_chosen(run: TaskRun, section: str) -> str | None:
    outputs: Mapping[str, object] = run.outputs or {}
    if section in ("then", "else") and "evaluationResult" in outputs:
        taken = "then" if outputs["evaluationResult"] else "else"
        return (
            None
            if section == taken
            else f"its condition was {str(outputs['evaluationResult']).lower()}"
        )
    if (section.startswith("cases.") or section == "defaults") and "value" in outputs:
        taken = "defaults" if outputs.get("defaults") else f"cases.{outputs['value']}"
        return None if section == taken else f"its value was '{outputs['value']}'"
    return None


def _before(execution: Execution, task: Task, siblings: Sequence[Task], parent: str) -> str:
    """What stands before it in its list: a failure, or a task that runs."""
    name = f"'{task.id}'"
    beside = [
        run
        for run in execution.in_order()
        if run.parent == parent and run.task_id in _ids(siblings)
    ]
    stopped = next((run for run in beside if run.state in STOPS), None)
    if stopped is not None:
        message = str((stopped.error or {}).get("message") or "").partition("\n")[0]
        said = f": {message}" if message else ""
        return (
            f"{name} never came to be run: '{stopped.task_id}' before it ended {stopped.state}{said}. "
            f"After a failure nothing further starts in its list."
        )
    if execution.state.is_terminal:
        return f"{name} never came to be run: {_state(execution)}."
    waiting = [f"'{run.task_id}' is {run.state}" for run in beside if run.id in execution.open]
    stand = execution.root if parent == ROOT else execution.task_runs[parent].stand
    side_by_side = stand is not None and len(stand.plan.lanes) > 1
    if waiting and side_by_side and stand is not None and stand.plan.width:
        return (
            f"{name} waits for its turn: at most {stand.plan.width} at once run there, and "
            f"{', '.join(waiting)}."
        )
    if waiting:
        return f"{name} hasn't had its turn: {', '.join(waiting)}."
    return f"{name} hasn't had its turn: {_state(execution)}."


def _ids(siblings: Sequence[Task]) -> set[str]:
    return {str(one.id) for one in enabled(siblings)}


def _state(execution: Execution) -> str:
    message = str((execution.error or {}).get("message") or "").partition("\n")[0]
    return f"the execution is {execution.state}" + (f" ({message})" if message else "")


def _not_begun(execution: Execution) -> str:
    if execution.state is State.QUEUED:
        limit = execution.flow.concurrency
        most = "" if limit is None else f", of which at most {limit.limit} run at once"
        return f"the execution is QUEUED behind others of its flow{most}"
    if execution.state is State.CREATED and execution.schedule_date is not None:
        return f"the execution waits for its date, {execution.schedule_date.isoformat()}"
    return _state(execution)
