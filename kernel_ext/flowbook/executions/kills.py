"""Killing an execution: nothing new starts, what runs is interrupted, then everything is KILLED."""

from __future__ import annotations

from flowbook.kinds.state import State
from flowbook.kinds.task import FlowableTask

from . import endings, scopes
from .commands import KillAttempt, KillExecution
from .events import KillRequested
from .model import ROOT, Failure, TaskRun, changed
from .turn import Turn


def kill(turn: Turn, event: KillRequested) -> None:
    """Begin to kill; an execution that has ended (or is being killed) hears nothing of it."""
    if turn.state.is_terminal or turn.killing:
        return
    turn.move(State.KILLING)
    turn.set(asked=None, ending=State.KILLED if turn.detached else None)
    interrupt(turn, cascade=event.cascade)
    scopes.close_parked(turn)
    nothing_open = turn.root is None or turn.stand(ROOT).open == 0
    if nothing_open and not turn.detached and not turn.state.is_terminal:
        endings.end(turn, State.KILLED)


def interrupt(turn: Turn, *, cascade: bool = True) -> None:
    """Interrupt whatever hasn't ended: leaves first end by themselves, scopes follow."""
    for run in turn.open_runs():
        task = turn.task(run)
        if isinstance(task, FlowableTask) and run.stand is not None:
            if turn.stand(run.id).open == 0:  # it waits between rounds, or for an answer
                turn.finish(run, State.KILLED)
            continue
        if run.state is State.RUNNING and run.attempt is not None and run.attempt.end is None:
            run = turn.put(run.to(State.KILLING, turn.at, asked=None))
            if run.children:
                for child in run.children if cascade else ():
                    turn.commands.append(KillExecution(child))
                if not cascade:
                    cut(turn, run, State.KILLED, cascade=False)
            elif run.stand is None:
                turn.commands.append(KillAttempt(run.id, run.attempts[-1].number))
        elif run.state is not State.KILLING:
            turn.finish(run, State.KILLED)
    for scope in list(turn.detached):
        if turn.stand(scope).open == 0:  # held before its next task could start
            endings.scope_ended(turn, scope, State.KILLED)


def cut(
    turn: Turn, run: TaskRun, state: State, *, error: Failure | None = None, cascade: bool = True
) -> None:
    """End a task run now; its attempt is interrupted, and what it still answers comes too late."""
    last = run.attempt
    if last is not None and last.end is None:
        if run.children:
            for child in run.children if cascade else ():
                turn.commands.append(KillExecution(child))
        else:
            turn.commands.append(KillAttempt(run.id, last.number))
        ended = changed(last, state=State.KILLED, end=turn.at)
        run = changed(run, attempts=(*run.attempts[:-1], ended), children=run.children.__class__())
    turn.finish(run, state, error=error)
