"""Executions that a task run starts and waits for."""

from __future__ import annotations

from collections.abc import Mapping

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import ExecutableTask, Level

from . import attempts, batches, starts
from .commands import Ask, KillExecution, StartExecution
from .events import ChildEnded, ChildRefused, ChildStarted
from .model import TaskRun, changed
from .turn import Turn


def begin(turn: Turn, run: TaskRun, task: ExecutableTask) -> None:
    """Ask for the properties that say which executions to start."""
    sources = task.asks()
    if task.opens or any(starts.needs_rendering(value) for value in sources.values()):
        turn.put(changed(run, asked="children"))
        turn.commands.append(Ask(run.id, "children", sources))
    else:
        wanted(turn, run, Answers(sources, dialect=turn.flow.dialect))


def wanted(turn: Turn, run: TaskRun, answers: Answers) -> None:
    """Have the executions started."""
    task = turn.task(run)
    assert isinstance(task, ExecutableTask)
    if task.many:
        batches.wanted(turn, run, task, answers)
        return
    try:
        new = task.executions(answers)
    except (TaskFailed, ValueError) as error:
        attempts.ended_badly(turn, run, starts.failure(error))
        return
    if not new:
        attempts.ended_well(turn, run, State.SUCCESS, {})
    again = _failed_child(run) if task.restarts_child() else None
    for index, execution in enumerate(new):
        turn.commands.append(StartExecution(run.id, execution, index, again))


def _failed_child(run: TaskRun) -> str | None:
    """The child of the attempt before a restart."""
    *_, (before, _), _ = run.history
    child = (run.outputs or {}).get("executionId")
    return child if before is State.RESTARTED and isinstance(child, str) else None


def started(turn: Turn, event: ChildStarted) -> None:
    """A child runs; with `wait: false` the task run is done."""
    run = turn.runs.get(event.task_run)
    if run is None or run.state.is_terminal:
        if turn.killing or turn.state is State.KILLED:
            turn.commands.append(KillExecution(event.execution_id))
        return
    task = turn.task(run)
    assert isinstance(task, ExecutableTask)
    if task.many:
        batches.started(turn, run, task, event)
        return
    outputs = {**(run.outputs or {}), "executionId": event.execution_id}
    if not task.waits():
        attempts.ended_well(turn, run, State.SUCCESS, outputs)
        return
    run = changed(run, outputs=outputs, children=run.children.set(event.execution_id, event.value))
    turn.put(run)
    turn.show_outputs(run)
    if run.state is State.KILLING:
        turn.commands.append(KillExecution(event.execution_id))


def refused(turn: Turn, event: ChildRefused) -> None:
    run = turn.runs.get(event.task_run)
    if run is not None and not run.state.is_terminal and run.attempt and run.attempt.end is None:
        task = turn.task(run)
        if isinstance(task, ExecutableTask) and task.many:
            batches.refused(turn, run, task, event)
            return
        attempts.ended_badly(turn, run, event.error)


def ended(turn: Turn, event: ChildEnded) -> None:
    """A child has ended: its state becomes the task run's, as `transmitFailed` says."""
    run = turn.runs.get(event.task_run)
    if run is None or event.execution_id not in run.children or run.state.is_terminal:
        return
    task = turn.task(run)
    assert isinstance(task, ExecutableTask)
    if task.many:
        batches.ended(turn, run, task, event)
        return
    run = changed(run, children=run.children.delete(event.execution_id))
    outputs: Mapping[str, Json] = {
        **(run.outputs or {}),
        "executionId": event.execution_id,
        "state": str(event.state),
        "outputs": dict(event.outputs or {}),
    }
    state = event.state
    if event.error is not None:
        turn.note(run.id, str(event.error.get("message", "")), Level.ERROR)
        kept = {"executionId": event.execution_id, "state": str(state)}
        attempts.ended_badly(turn, changed(run, outputs=kept), event.error)
    elif not task.transmits():
        attempts.ended_well(turn, run, State.SUCCESS, outputs)
    elif state is State.FAILED or state is State.CANCELLED:
        what = "was cancelled" if state is State.CANCELLED else "failed"
        message = f"Subflow execution '{event.execution_id}' {what}"
        turn.note(run.id, message, Level.ERROR)
        attempts.ended_badly(
            turn, changed(run, outputs=outputs), {"type": "SubflowFailed", "message": message}
        )
    elif state in (State.KILLED, State.WARNING):
        attempts.ended_well(turn, run, state, outputs)
    else:
        attempts.ended_well(turn, run, State.SUCCESS, outputs)
