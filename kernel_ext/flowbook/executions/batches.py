"""A task run that starts many executions at once, counts them and ends when all have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State, worse
from flowbook.kinds.task import ExecutableTask, Level

from . import attempts, starts
from .commands import KillExecution, StartExecution
from .events import ChildEnded, ChildRefused, ChildStarted
from .model import Batch, TaskRun, changed
from .turn import Turn

GOOD = frozenset({State.SUCCESS, State.WARNING})


def wanted(turn: Turn, run: TaskRun, task: ExecutableTask, answers: Answers) -> None:
    """Have the executions started: all, or those that an earlier attempt or a lost host left."""
    try:
        new = task.executions(answers)
        outputs = task.begins(answers)
    except (TaskFailed, ValueError) as error:
        attempts.ended_badly(turn, run, starts.failure(error))
        return
    if not new:
        attempts.ended_well(turn, run, State.SUCCESS, None)
        return
    batches = run.batches
    for index, batch in run.batches.items():
        if batch.attempt != len(run.attempts) and not (
            task.restarts_child() and batch.state in GOOD
        ):
            batches = batches.delete(index)
    ended = [batch.state for batch in batches.values() if batch.state.is_terminal]
    running = len(batches) - len(ended)
    counts: dict[str, Json] = {"CREATED": len(new) - len(batches), "RUNNING": running}
    for state in ended:
        counts[state.value] = counts.get(state.value, 0) + 1
    again = run.batches if task.restarts_child() else batches
    run = changed(run, batches=batches, outputs={**outputs, "iterations": counts})
    turn.put(run)
    turn.show_outputs(run)
    for index, execution in enumerate(new):
        if index not in batches:
            failed = again[index].execution_id if index in again else None
            turn.commands.append(StartExecution(run.id, execution, index, failed))


def started(turn: Turn, run: TaskRun, task: ExecutableTask, event: ChildStarted) -> None:
    index = int(event.value or 0)
    if index in run.batches:
        return  # known before the host was lost
    batch = Batch(event.execution_id, State.RUNNING, len(run.attempts))
    run = changed(run, batches=run.batches.set(index, batch))
    run = _moved(run, "CREATED", "RUNNING" if task.waits() else "SUCCESS")
    if task.waits():
        run = changed(run, children=run.children.set(event.execution_id, event.value))
    _put_or_end(turn, run, task)
    if run.state is State.KILLING and task.waits():
        turn.commands.append(KillExecution(event.execution_id))


def refused(turn: Turn, run: TaskRun, task: ExecutableTask, event: ChildRefused) -> None:
    """One that could not be started counts as failed; the others run."""
    batch = Batch(None, State.FAILED, len(run.attempts))
    run = changed(run, batches=run.batches.set(int(event.value or 0), batch))
    _put_or_end(turn, _moved(run, "CREATED", State.FAILED.value), task)


def ended(turn: Turn, run: TaskRun, task: ExecutableTask, event: ChildEnded) -> None:
    index = int(run.children[event.execution_id] or 0)
    batch = Batch(event.execution_id, event.state, len(run.attempts))
    run = changed(
        run,
        children=run.children.delete(event.execution_id),
        batches=run.batches.set(index, batch),
    )
    _put_or_end(turn, _moved(run, "RUNNING", event.state.value), task)


def _moved(run: TaskRun, before: str, after: str) -> TaskRun:
    """One execution more in a state, one less in another."""
    counts = dict(cast(Mapping[str, int], (run.outputs or {})["iterations"]))
    counts[before] -= 1
    counts[after] = counts.get(after, 0) + 1
    return changed(run, outputs={**(run.outputs or {}), "iterations": counts})


def _put_or_end(turn: Turn, run: TaskRun, task: ExecutableTask) -> None:
    outputs = run.outputs or {}
    counts = cast(Mapping[str, int], outputs["iterations"])
    if counts["CREATED"] or counts["RUNNING"]:
        turn.put(run)
        turn.show_outputs(run)
        return
    if not task.waits():
        refusals = {"FAILED": counts["FAILED"]} if "FAILED" in counts else {}
        kept = {**outputs, "iterations": {"SUCCESS": counts.get("SUCCESS", 0), **refusals}}
        attempts.ended_well(turn, run, State.SUCCESS, kept)
        return
    state = State.SUCCESS
    for name, count in counts.items():
        if count and name not in ("CREATED", "RUNNING"):
            state = worse(state, State(name), cancelled_counts=True)
    if not task.transmits():
        attempts.ended_well(turn, run, State.SUCCESS, outputs)
    elif any(counts.get(name) for name in ("FAILED", "CANCELLED")):
        failed = counts.get("FAILED", 0) + counts.get("CANCELLED", 0)
        message = f"{failed} of {sum(counts.values())} subflow executions failed"
        turn.note(run.id, message, Level.ERROR)
        attempts.ended_badly(turn, run, {"type": "SubflowFailed", "message": message})
    else:
        attempts.ended_well(turn, run, state, outputs)
