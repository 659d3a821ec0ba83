"""Attempts: how they begin and end, and when another one follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flowbook.kinds.dynamic import Json
from flowbook.kinds.retry import Behavior, Retry
from flowbook.kinds.state import State
from flowbook.kinds.task import ExecutableTask, Recover, Task

from . import children
from .commands import RunAttempt, SetTimer
from .events import AttemptFailed, AttemptKilled, AttemptSucceeded, RestartRequested
from .model import ROOT, Attempt, Failure, TaskRun, changed, made
from .turn import Turn, is_fatal


def begin(turn: Turn, run: TaskRun, task: Task, continued: RestartRequested | None = None) -> None:
    """A task run's first or next attempt, which may go on with the one before."""
    number = len(run.attempts) + 1
    attempt = made(Attempt, number=number, state=State.RUNNING, start=turn.at)
    if continued is not None:
        attempt = changed(
            attempt, continues=number - 1, cell=continued.continue_from, edits=continued.edits
        )
    run = turn.put(run.to(State.RUNNING, turn.at, attempts=(*run.attempts, attempt), error=None))
    if isinstance(task, ExecutableTask):
        children.begin(turn, run, task)
    else:
        turn.commands.append(RunAttempt(run.id, number))


def _closed(turn: Turn, run: TaskRun, state: State, error: Failure | None = None) -> TaskRun:
    *earlier, last = run.attempts
    ended = changed(last, state=state, end=turn.at, error=error)
    return changed(run, attempts=(*earlier, ended))


def succeeded(turn: Turn, event: AttemptSucceeded) -> None:
    run = turn.runs.get(event.task_run)
    if run is None or not run.runs_attempt(event.attempt):
        return  # late news about an attempt that was killed or timed out
    ended_well(turn, _with_cache(run, event.cache), event.state, event.outputs)


def ended_well(turn: Turn, run: TaskRun, state: State, outputs: Mapping[str, Json] | None) -> None:
    """The running attempt ended SUCCESS or WARNING (or as its children did)."""
    run = _closed(turn, run, state)
    if run.state is State.KILLING:
        turn.finish(run, State.KILLED, outputs=outputs)
        return
    if state is State.SUCCESS and len(run.attempts) > 1:
        retry = effective_retry(turn, run)
        if retry is not None and retry.warning_on_retry:
            state = State.WARNING
    turn.finish(run, state, outputs=outputs)


def failed(turn: Turn, event: AttemptFailed) -> None:
    run = turn.runs.get(event.task_run)
    if run is None or not run.runs_attempt(event.attempt):
        return  # late news about an attempt that was killed or timed out
    if event.outputs is not None:
        run = changed(run, outputs=event.outputs)
    ended_badly(turn, _with_cache(run, event.cache), event.error, final=event.final)


def _with_cache(run: TaskRun, cache: Mapping[str, Json] | None) -> TaskRun:
    """The task run with what the cache said about its running attempt."""
    if cache is None:
        return run
    *earlier, last = run.attempts
    return changed(run, attempts=(*earlier, changed(last, cache=cache)))


def ended_badly(turn: Turn, run: TaskRun, error: Failure, *, final: bool = False) -> None:
    """The running attempt failed: another one later, or the task run is FAILED."""
    run = changed(_closed(turn, run, State.FAILED, error), error=error)
    if run.state is State.KILLING:
        turn.finish(run, State.KILLED)
        return
    final = final or is_fatal(turn.task(run), error)
    retry = None if final or turn.killing else effective_retry(turn, run)
    due = None if retry is None else next_date(turn, run, retry)
    if due is None or retry is None:
        turn.finish(run, State.FAILED, error=error)
    else:
        _wait(turn, run, due, retry.behavior)


def next_date(turn: Turn, run: TaskRun, retry: Retry) -> datetime | None:
    """When the next attempt, or the next execution, starts; `None` if there is none left."""
    if retry.behavior is Behavior.CREATE_NEW_EXECUTION:
        made, first = turn.attempt_number, turn.original_date or turn.history[0][1]
    else:
        made, first = len(run.attempts), run.attempts[0].start
    return retry.next_date(
        made=made, first_start=first, now=turn.at, key=run.id, seed_dialect=turn.seed
    )


def _wait(turn: Turn, run: TaskRun, due: datetime, behavior: Behavior) -> None:
    """RETRYING until the date; `replay` says that a whole new execution follows."""
    purpose = "replay" if behavior is Behavior.CREATE_NEW_EXECUTION else "retry"
    turn.retrying += 1
    asked = purpose if purpose == "replay" else None
    turn.put(run.to(State.RETRYING, turn.at, due=due, asked=asked))
    turn.commands.append(SetTimer(run.id, purpose, due))


def retry_due(turn: Turn, run: TaskRun) -> None:
    """The time of the next attempt has come."""
    turn.retrying -= 1
    again(turn, changed(run, due=None))


def again(turn: Turn, run: TaskRun) -> None:
    """Another attempt of the same task run."""
    run = turn.put(run.to(State.CREATED, turn.at))
    begin(turn, run, turn.task(run))


def killed(turn: Turn, event: AttemptKilled) -> None:
    run = turn.runs.get(event.task_run)
    if run is None or not run.runs_attempt(event.attempt):
        return
    error = {"type": "Killed", "message": event.reason} if event.reason else None
    run = _closed(turn, run, State.KILLED, error)
    turn.finish(run, State.KILLED, error=error)


def host_lost(turn: Turn, run: TaskRun, outputs: Mapping[str, Json] | None = None) -> None:
    """The host that ran the attempt is gone: another attempt if the task allows it, else FAILED."""
    if outputs is not None:
        run = changed(run, outputs=outputs)
    error = {"type": "HostLost", "message": "Host lost while the task was running"}
    task = turn.task(run)
    run = _closed(turn, run, State.KILLED, {"type": "HostLost", "message": "host lost"})
    if run.state is State.KILLING or turn.killing:
        turn.finish(run, State.KILLED)
        return
    retry = effective_retry(turn, run)
    due = None if retry is None else next_date(turn, run, retry)
    recover = task.recover or turn.flow.recover or task.recovers
    if due is not None and retry is not None and retry.behavior is Behavior.CREATE_NEW_EXECUTION:
        _wait(turn, changed(run, error=error), due, retry.behavior)
    elif due is not None or recover is Recover.RESTART:
        again(turn, run)
    else:
        turn.finish(run, State.FAILED, error=error)


def effective_retry(turn: Turn, run: TaskRun) -> Retry | None:
    """The task's own retry, else the nearest flowable's around it, else the flow's."""
    own = turn.task(run).retry
    parent = run.parent
    while own is None and parent != ROOT:
        above = turn.runs[parent]
        own = turn.task(above).retry
        parent = above.parent
    return own or turn.flow.retry
