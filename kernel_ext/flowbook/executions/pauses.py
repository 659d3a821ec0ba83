"""Pausing and resuming: the Pause task, and a pause by hand."""

from __future__ import annotations

from flowbook.errors import Conflict
from flowbook.kinds.state import State
from flowbook.kinds.task import FlowableTask

from . import scopes, starts
from .events import PauseRequested, ResumeRequested, TimerFired
from .model import ROOT, Execution, TaskRun, changed
from .turn import Turn


def pause(turn: Turn, event: PauseRequested) -> None:
    """Hold the execution: what runs finishes, nothing new starts."""
    if turn.state in (State.RUNNING, State.RETRYING) and not turn.held:
        turn.set(held=True)


def waiting(execution: Execution) -> list[TaskRun]:
    """Task runs that somebody can resume, in order."""
    return [
        run
        for run in sorted(
            (execution.task_runs[i] for i in execution.open), key=lambda run: run.position
        )
        if run.state is State.PAUSED and (run.asked or "").startswith("pause:")
    ]


def check_resume(execution: Execution) -> None:
    """Raises `Conflict` when there is nothing to resume."""
    if execution.state is not State.PAUSED or not (execution.held or waiting(execution)):
        raise Conflict(f"Execution '{execution.id}' is not paused, can't resume it")


def resume(turn: Turn, event: ResumeRequested) -> None:
    """Go on after a pause: all paused task runs, or the one that is named."""
    if turn.state is not State.PAUSED:
        return
    if turn.held:
        parked = turn.parked
        turn.set(held=False, parked=())
        turn.move(State.RESTARTED)
        turn.move(State.RUNNING)
        for scope, lane, step in parked:
            stand = turn.stand(scope)
            scopes.create(turn, scope, stand, lane, stand.plan.lanes[lane], step)
        halted = [run.id for run in turn.open_runs() if run.stand is not None]
        for scope in [ROOT, *halted, *turn.detached]:
            if scope == ROOT or scope in turn.open or scope in turn.detached:
                scopes.advance(turn, scope)
        return
    runs = [
        run
        for run in turn.open_runs()
        if run.state is State.PAUSED and (run.asked or "").startswith("pause:")
    ]
    if event.task_run is not None:
        runs = [run for run in runs if run.id == event.task_run]
    if len(runs) == turn.paused:
        turn.move(State.RESTARTED)
    for run in sorted(runs, key=lambda run: run.position):
        outputs = {"onResume": dict(event.inputs)}
        outputs["resumed"] = {"by": event.by, "on": turn.at.isoformat(), "to": str(event.state)}
        starts.resumed(turn, run, outputs, event.state)


def due(turn: Turn, run: TaskRun, event: TimerFired) -> None:
    """A pause's time is over: what it says follows."""
    if run.state is not State.PAUSED:
        return
    elapsed = State((run.asked or "pause:SUCCESS").partition(":")[2])
    starts.resumed(turn, run, {}, elapsed)


def timed_out(turn: Turn, run: TaskRun) -> None:
    """Nobody resumed in time."""
    if run.state is not State.PAUSED:
        return
    error = {"type": "Timeout", "message": f"Nobody resumed '{run.task_id}' in time"}
    run = changed(run, due=None, error=error)
    task = turn.task(run)
    if isinstance(task, FlowableTask) and starts.has_sections(task):
        starts.resumed(turn, run, {}, State.FAILED)
    else:
        turn.finish(run, State.FAILED)
