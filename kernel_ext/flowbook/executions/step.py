"""The machine: events in; the new execution, commands and moved rows out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from immutables import Map

from flowbook.flows.model import Flow
from flowbook.kinds.answers import Answers
from flowbook.kinds.change import Change
from flowbook.kinds.plan import enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import ExecutableTask, Level

from . import (
    attempts,
    changes,
    children,
    endings,
    kills,
    pauses,
    replays,
    restarts,
    scopes,
    slas,
    starts,
)
from .commands import Admit, Command
from .events import (
    Answered,
    AnswerFailed,
    AttemptFailed,
    AttemptKilled,
    AttemptSucceeded,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Created,
    EngineFailed,
    Event,
    HostLost,
    KillRequested,
    LabelsSet,
    Marked,
    PauseRequested,
    Queued,
    Refused,
    RestartRequested,
    ResumeRequested,
    Started,
    StatusChanged,
    TimerFired,
)
from .model import ROOT, Execution, Section
from .turn import Turn


@dataclass(frozen=True, slots=True)
class Folded:
    """What came of some events."""

    execution: Execution
    commands: tuple[Command, ...]
    changes: tuple[Change, ...]


def born(execution_id: str, flow: Flow, event: Created) -> Execution:
    """The execution that a `Created` event describes, with nothing run yet."""
    execution = Execution(
        id=execution_id,
        flow=flow,
        revision=event.revision,
        draft=event.draft,
        history=((State.CREATED, event.at),),
        inputs=event.inputs,
        labels=tuple((key, value) for key, value in event.labels),
        variables=event.variables,
        trigger=event.trigger,
        parent_id=event.parent_id,
        original_id=event.original_id or execution_id,
        attempt_number=event.attempt_number,
        original_date=event.original_date,
        schedule_date=event.schedule_date,
        kind=event.execution_kind,
        only=None if event.only is None else frozenset(event.only),
        recorded=event.recorded,
        recorded_from=event.recorded_from,
        outputs=Map(event.recorded),
        events=1,
    )
    return replays.with_copies(execution, event.copied)


def step(execution: Execution, event: Event) -> tuple[Execution, tuple[Command, ...]]:
    """Fold one event into an execution and say what to do next."""
    folded = fold(execution, (event,))
    return folded.execution, folded.commands


def fold(execution: Execution, events: Iterable[Event]) -> Folded:
    """Fold events, in their order, into an execution."""
    turn: Turn | None = None
    number = 0
    events = tuple(events)
    for event in events:
        turn = turn or Turn(execution, event.at)
        turn.at = event.at
        number += 1
        handle(turn, event)
        while turn.ended:
            run = turn.runs.get(turn.ended.popleft())
            if run is not None:
                scopes.child_ended(turn, run)
        turn.reflect()
    if turn is None:
        return Folded(execution, (), ())
    slas.watch(turn, events)
    turn.set(events=execution.events + number)
    after = turn.done()
    return Folded(after, tuple(turn.commands), changes.rows(execution, after, turn))


def handle(turn: Turn, event: Event) -> None:
    """One event; every kind has its case, which mypy proves."""
    match event:
        case Created():  # `born` has read it; what was taken over moves into this history
            turn.fresh = True
            for run in turn.all_runs():
                turn.touched[run.id] = None
            turn.commands += slas.timers(turn.flow, turn.at)
        case Started():
            started(turn, event)
        case Queued():
            if turn.state is State.CREATED:
                turn.move(State.QUEUED)
                running = f"{event.running} running(s)"
                turn.note(ROOT, f"Flow is queued due to concurrency limit exceeded, {running}")
        case Refused():
            if turn.state.is_terminal:
                return
            turn.note(ROOT, event.message, Level.ERROR)
            turn.set(error={"type": "Refused", "message": event.message}, closed=True)
            endings.end(turn, event.state)
        case AttemptSucceeded():
            attempts.succeeded(turn, event)
        case AttemptFailed():
            attempts.failed(turn, event)
        case AttemptKilled():
            attempts.killed(turn, event)
        case Answered():
            answered(turn, event)
        case AnswerFailed():
            answer_failed(turn, event)
        case TimerFired():
            timer_fired(turn, event)
        case ChildStarted():
            children.started(turn, event)
        case ChildRefused():
            children.refused(turn, event)
        case ChildEnded():
            children.ended(turn, event)
        case KillRequested():
            kills.kill(turn, event)
        case PauseRequested():
            pauses.pause(turn, event)
        case ResumeRequested():
            pauses.resume(turn, event)
        case RestartRequested():
            restarts.restart(turn, event)
        case Marked():
            restarts.mark(turn, event)
        case StatusChanged():
            if turn.state.is_terminal and event.state.is_terminal:
                turn.move(event.state)
        case LabelsSet():
            system = tuple(pair for pair in turn.labels if pair[0].startswith("system."))
            turn.set(labels=(*system, *((key, value) for key, value in event.labels)))
        case HostLost():
            host_lost(turn, event)
        case EngineFailed():
            if not turn.state.is_terminal:
                endings.fail(turn, event.error)
        case _:
            assert_never(event)


def started(turn: Turn, event: Started) -> None:
    """The execution may run: plan its root, unless a limit has to be asked first."""
    if turn.state not in (State.CREATED, State.QUEUED):
        return
    if turn.flow.concurrency is not None and not event.admitted:
        turn.commands.append(Admit())
        return
    turn.move(State.RUNNING)
    turn.note(ROOT, "Flow started")
    if turn.recorded_from is not None:
        written = (task.id for task in turn.flow.all_tasks())
        named = ", ".join(f"'{name}'" for name in written if name in turn.recorded)
        turn.note(ROOT, f"Not run here: outputs of {named} are those of {turn.recorded_from}")
    if turn.root is not None:  # a replay from within: its task runs are there already
        restarts.go_on(turn)
        return
    scopes.enter(turn, ROOT, one_lane(enabled(turn.flow.tasks)), Section.TASKS)


def answered(turn: Turn, event: Answered) -> None:
    if event.task_run == ROOT:
        if turn.asked == event.question == "outputs":
            endings.outputs_answered(turn, event.answers)
        elif turn.asked == event.question == "listeners":
            endings.run_after(turn, Answers(event.answers, dialect=turn.flow.dialect))
        elif slas.is_question(event.question):
            answers = Answers(event.answers, dialect=turn.flow.dialect)
            slas.answered(turn, event.question, holds=answers.truth("assert"))
        return
    run = turn.runs.get(event.task_run)
    if run is not None and run.asked == event.question and not run.state.is_terminal:
        starts.answered(
            turn, run, event.question, Answers(event.answers, dialect=turn.flow.dialect)
        )


def answer_failed(turn: Turn, event: AnswerFailed) -> None:
    if event.task_run == ROOT:
        if turn.asked == event.question == "outputs":
            endings.outputs_failed(turn, event.error)
        elif turn.asked == event.question == "listeners":
            turn.note(ROOT, str(event.error.get("message", "")), Level.ERROR)
            endings.run_after(turn, None)
        elif slas.is_question(event.question):
            slas.unanswered(turn, event.question, event.error)
        return
    run = turn.runs.get(event.task_run)
    if run is not None and run.asked == event.question and not run.state.is_terminal:
        turn.note(run.id, str(event.error.get("message", "")), Level.ERROR)
        starts.unanswered(turn, run, event.question, event.error)


def timer_fired(turn: Turn, event: TimerFired) -> None:
    """A moment has come; one that nothing waits for any more says nothing."""
    if event.task_run == ROOT:
        if not turn.state.is_terminal and not turn.killing:
            slas.overdue(turn, event.purpose)
        return
    run = turn.runs.get(event.task_run)
    if run is None or run.state.is_terminal or turn.killing:
        return
    match event.purpose:
        case "retry" if run.state is State.RETRYING and run.due is not None:
            attempts.retry_due(turn, run)
        case "replay" if run.state is State.RETRYING and run.asked == "replay":
            endings.retried(turn, run)
        case "pause":
            pauses.due(turn, run, event)
        case "timeout":
            pauses.timed_out(turn, run)
        case "round" if run.due is not None:
            scopes.round_due(turn, run)


def host_lost(turn: Turn, event: HostLost) -> None:
    """What the lost host ran is lost; what waits for an answer or a timer is asked again."""
    for run in turn.open_runs():
        attempt = run.attempt
        if attempt is None or attempt.end is not None or run.stand is not None:
            continue
        if run.asked == "children":
            continue
        task = turn.task(run)
        if isinstance(task, ExecutableTask) and task.many:
            children.begin(turn, run, task)  # some may not have been started yet
            continue
        if run.children:
            continue
        attempts.host_lost(turn, run, event.left.get(run.id))
    if turn.killing and not turn.open and not turn.state.is_terminal:
        endings.end(turn, State.KILLED)


def replay(flow: Flow, execution_id: str, events: Iterable[Event]) -> Execution:
    """The execution that these events made: the same, whenever and wherever it is asked."""
    first, *rest = events
    assert isinstance(first, Created), "an execution's first event is its creation"
    execution = born(execution_id, flow, first)
    for event in rest:
        execution = fold(execution, (event,)).execution
    return execution
