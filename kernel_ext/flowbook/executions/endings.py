"""How scopes and the execution end: the state they take, the flow's outputs, what runs afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json
from flowbook.kinds.plan import enabled, one_lane
from flowbook.kinds.state import State, worse
from flowbook.kinds.task import FlowableTask, LaneEnded, Level

from . import kills, listeners, scopes, slas, transitions
from .commands import Ask, Ended, Replay
from .model import ROOT, Failure, Section, Stand, TaskRun, changed
from .turn import Turn

CLOSING = "closing:"
"""Begins the question to a flowable whose tasks have ended, before the state it is about to take."""


def scope_ended(turn: Turn, parent: str, state: State) -> None:
    """All tasks of a scope have ended: its flowable takes the state, or the execution does."""
    if parent != ROOT:
        run = turn.runs[parent]
        if not run.state.is_terminal:
            _flowable_ended(turn, run, state)
        elif parent in turn.detached:
            _detached_ended(turn, parent, state)
        return
    if turn.detached:
        turn.set(ending=state)
        return
    if turn.loose is not State.SUCCESS and state is State.SUCCESS:
        state = State.WARNING  # what ran detached came out badly
    if turn.state.is_terminal:
        close(turn)
    elif state is State.KILLED or not slas.ask_before_end(turn, state):
        go_to_end(turn, state)


def go_to_end(turn: Turn, state: State) -> None:
    """All tasks are done and nothing holds the end back: the flow's outputs, then the end."""
    if turn.flow.outputs and state is not State.KILLED:
        turn.set(asked="outputs", ending=state)
        sources = {output.id: output.value for output in turn.flow.outputs}
        turn.commands.append(Ask(ROOT, "outputs", sources))
    else:
        end(turn, state)


def _flowable_ended(turn: Turn, run: TaskRun, state: State) -> None:
    """A flowable's tasks came out as `state`: it says its outputs, does its last work, and ends so."""
    if (run.asked or "").startswith(CLOSING):
        return  # it does its last work already
    task = turn.task(run)
    assert isinstance(task, FlowableTask)
    answers = Answers(run.answers or {}, dialect=turn.flow.dialect)
    stand = turn.stand(run.id)
    if stand.plan.gathers or stand.gathered:
        outputs = task.gathered(lanes(turn.runs.__getitem__, stand), answers)
        run = turn.put(changed(run, outputs={**(run.outputs or {}), **outputs}))
    goes_on = not turn.state.is_terminal or scopes.is_afterwards(turn, run.id)
    if state is not State.KILLED and goes_on and task.closes(state, answers):
        question = f"{CLOSING}{state}"
        turn.put(changed(run, asked=question))
        turn.commands.append(Ask(run.id, question, {}))
        return
    turn.finish(run, state)


def lanes(find: Callable[[str], TaskRun], stand: Stand) -> list[LaneEnded]:
    """What came of the lanes of a scope, in their order."""
    ended = [find(stand.gathered[lane]) for lane in sorted(stand.gathered)]
    return [
        LaneEnded(
            value=run.value,
            iteration=run.iteration,
            key=run.key,
            state=run.state,
            outputs=run.outputs or {},
        )
        for run in ended
    ]


def closed(turn: Turn, run: TaskRun, question: str, answers: Mapping[str, Json]) -> None:
    """A flowable's last work is done."""
    state = State(question.removeprefix(CLOSING))
    task = turn.task(run)
    if isinstance(task, FlowableTask) and task.breaks(answers):
        around = turn.stand(run.parent)
        turn.keep(run.parent, changed(around, next_lane=len(around.plan.lanes)))
    turn.finish(run, state, outputs={**(run.outputs or {}), **answers})


def _detached_ended(turn: Turn, parent: str, state: State) -> None:
    """What a flowable left to itself is done; the execution may have waited for it."""
    turn.set(detached=turn.detached.delete(parent), loose=worse(turn.loose, state))
    if turn.detached or turn.ending is None:
        return
    waiting: State = turn.ending
    turn.set(ending=None)
    if turn.killing:
        end(turn, State.KILLED)
    else:
        scope_ended(turn, ROOT, waiting)


def outputs_answered(turn: Turn, answers: Mapping[str, Json]) -> None:
    state: State = turn.ending
    turn.set(asked=None, ending=None, results=dict(answers))
    end(turn, state)


def outputs_failed(turn: Turn, error: Failure) -> None:
    """An output that can't be rendered fails the execution."""
    message = f"Failed to render output values: {error.get('message')}"
    was: State = turn.ending
    turn.set(asked=None, ending=None, results=None)
    if (
        was is State.FAILED or turn.only is not None
    ):  # what failed first is the error; a part is no whole
        turn.note(ROOT, message, Level.WARN)
        end(turn, was)
    else:
        turn.note(ROOT, message, Level.ERROR)
        end(turn, State.FAILED, error={**error, "message": message})


def end(turn: Turn, state: State, error: Failure | None = None) -> None:
    """The execution takes its end state; then `afterExecution` runs."""
    turn.paused = turn.retrying = 0
    if turn.state is State.PAUSED or turn.state is State.RETRYING or turn.state is State.RESTARTED:
        if state in (State.SUCCESS, State.WARNING, State.KILLED):
            turn.move(State.RUNNING)
    turn.move(state)
    if state is State.FAILED and error is None and turn.last_failed in turn.runs:
        run: TaskRun = turn.runs[turn.last_failed]
        error = {**(run.error or {}), "taskId": run.task_id, "taskRunId": run.id}
    if error is not None:
        turn.set(error=error)
    took = turn.at - turn.history[0][1]
    turn.note(ROOT, f"Flow completed with state {state} in {clock(took)}")
    turn.commands.append(Ended(state))
    if not turn.open:
        close(turn)


def close(turn: Turn) -> None:
    """The end state stands and nothing is open: run `afterExecution` and listeners, or be over."""
    if turn.asked == "listeners":
        return
    if turn.root is None or turn.stand(ROOT).section is Section.AFTER:
        turn.set(closed=True)
    elif asked := listeners.questions(turn.flow):
        turn.set(asked="listeners")
        turn.commands.append(Ask(ROOT, "listeners", asked))
    else:
        run_after(turn, Answers({}))


def run_after(turn: Turn, answers: Answers | None) -> None:
    """Run what follows the end; without answers no listener's conditions hold."""
    turn.set(asked=None)
    heard = () if answers is None else listeners.tasks(turn, answers)
    after = (*heard, *enabled(turn.flow.after_execution))
    if not after:
        turn.set(closed=True)
        return
    turn.keep(ROOT, changed(turn.stand(ROOT), open=0))
    scopes.enter(turn, ROOT, one_lane(after), Section.AFTER)


def cancel(turn: Turn) -> None:
    """The execution is CANCELLED at once; what runs is interrupted."""
    _at_once(turn, State.CANCELLED)


def exit_with(turn: Turn, run: TaskRun, state: State) -> None:
    """Exit: the parents of the task run and the execution end in this state, nothing more starts."""
    parent = run.parent
    while parent != ROOT:
        above = turn.runs[parent]
        parent = above.parent
        if not above.state.is_terminal:
            turn.finish(above, state)
    _at_once(turn, state, interrupt=state is State.KILLED)


def fail(turn: Turn, error: Failure, state: State = State.FAILED, *, cascade: bool = True) -> None:
    """The execution and the task run that was the last to start end in `state` at once (SLA, an error of
    the engine); what else runs is interrupted."""
    if turn.state.is_terminal:
        return
    for run in reversed(turn.open_runs()):
        if not isinstance(turn.task(run), FlowableTask):
            kills.cut(turn, run, state, error=error, cascade=cascade)
            break
    _at_once(turn, state, error=error, cascade=cascade)


def retried(turn: Turn, run: TaskRun) -> None:
    """A new execution takes the place of this one: it, the task run and what is around it are RETRIED."""
    waiting = [run, *(one for one in turn.open_runs() if one.asked == "replay" and one is not run)]
    for each in waiting:
        turn.finish(each, State.RETRIED)
        parent = each.parent
        while parent != ROOT:
            above = turn.runs[parent]
            parent = above.parent
            if not above.state.is_terminal:
                turn.finish(above, State.RETRIED)
    turn.commands.append(Replay(turn.attempt_number + 1))
    _at_once(turn, State.RETRIED)


def _at_once(
    turn: Turn,
    state: State,
    *,
    error: Failure | None = None,
    interrupt: bool = True,
    cascade: bool = True,
) -> None:
    if turn.state.is_terminal:
        return
    if turn.root is not None:
        turn.keep(ROOT, changed(turn.stand(ROOT), stopped=True))
    parked = [scope for scope in scopes.release(turn) if scope != ROOT]
    if interrupt:
        for run in turn.open_runs():
            if run.stand is not None:
                turn.keep(run.id, changed(turn.stand(run.id), stopped=True))
        kills.interrupt(turn, cascade=cascade)
    if turn.state in (State.CREATED, State.QUEUED) and state is State.KILLED:
        turn.move(State.KILLING)
    elif not transitions.allows(transitions.EXECUTION, turn.state, state):
        turn.move(State.RUNNING)
    end(turn, state, error)
    scopes.advance_each(turn, parked)


def clock(took: timedelta) -> str:
    """`H:mm:ss.SSS`, as the engine's log lines have it."""
    total = took.total_seconds()
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{int(hours)}:{int(minutes):02d}:{seconds:06.3f}"
