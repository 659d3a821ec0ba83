"""How a task run starts: `runIf`, what a flowable asks, the first attempt, waiting for a resume."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.plan import Plan, Wait, enabled
from flowbook.kinds.state import State
from flowbook.kinds.task import ExecutableTask, FlowableTask, Hole, Level, Task, UpdatingTask

from . import attempts, children, endings, scopes, seeds, updates
from .commands import Ask, SetTimer
from .model import Failure, Section, TaskRun, changed
from .partial import passes
from .turn import Turn


def start(turn: Turn, run: TaskRun, task: Task) -> None:
    """The first thing a new task run does: ask `runIf`, or go."""
    if not passes(turn, run, task):
        turn.finish(run, State.SKIPPED)
        return
    if task.depends_on and (unmet := seeds.unmet_dependency(turn, run, task)):
        turn.note(run.id, f"Skipped: '{unmet}', which it depends on, did not run to a good end")
        turn.finish(run, State.SKIPPED)
        return
    if task.conditions and not seeds.scope_condition_holds(turn, run, task):
        turn.finish(run, State.SKIPPED)
        return
    consider(turn, run, task)


def consider(turn: Turn, run: TaskRun, task: Task) -> None:
    """Ask `runIf` before the first attempt, and before the first one of a restart."""
    if (task.run_if is not None or task.conditions) and (asked := seeds.questions(task)):
        ask(turn, run, "runIf", asked)
    else:
        go(turn, run, task)


def is_attempted(task: Task) -> bool:
    """Whether the task's work is an attempt; flowables and updates of the execution have none."""
    return not isinstance(task, FlowableTask | UpdatingTask | Hole)


def ask(turn: Turn, run: TaskRun, question: str, sources: Mapping[str, Json]) -> None:
    turn.put(changed(run, asked=question))
    turn.commands.append(Ask(run.id, question, sources))


def go(turn: Turn, run: TaskRun, task: Task) -> None:
    """`runIf` holds: a flowable plans, an executable starts executions, all others their attempt."""
    if run.served is not None and not isinstance(task, FlowableTask):
        if (outputs := turn.served(run)) is not None:
            turn.note(run.id, "from cache")
            turn.finish(run, State.SUCCESS, outputs=outputs)
            return
    if isinstance(task, FlowableTask):
        run = turn.put(run.to(State.RUNNING, turn.at))
        if task.opens:
            ask(turn, run, "plan", task.asks())
        else:
            _ask_or(turn, run, "plan", task.asks())
    elif isinstance(task, ExecutableTask):
        attempts.begin(turn, run, task)
    elif isinstance(task, UpdatingTask):
        _ask_or(turn, run, "update", task.asks())
    elif isinstance(task, Hole):
        turn.finish(
            run, State.FAILED, error={"type": "Draft", "message": f"Task '{task.id}' has no type"}
        )
    else:
        attempts.begin(turn, run, task)


def _ask_or(turn: Turn, run: TaskRun, question: str, sources: Mapping[str, Json]) -> None:
    """Ask if there is anything to render, else answer at once."""
    if any(needs_rendering(value) for value in sources.values()):
        ask(turn, run, question, sources)
    else:
        answered(turn, run, question, Answers(sources, dialect=turn.flow.dialect))


def needs_rendering(value: Json) -> bool:
    match value:
        case Template():
            return True
        case str():
            return "{{" in value or "{%" in value
        case list() | tuple():
            return any(needs_rendering(item) for item in value)
        case Mapping():
            return any(needs_rendering(k) or needs_rendering(v) for k, v in value.items())
        case _:
            return False


def answered(turn: Turn, run: TaskRun, question: str, answers: Answers) -> None:
    """A question about a task run has its answer."""
    if run.asked is not None:
        run = turn.put(changed(run, asked=None))
    task = turn.task(run)
    match question:
        case "runIf":
            if all(answers.truth(name) for name in answers):
                go(turn, run, task)
            else:
                turn.finish(run, State.SKIPPED)
        case "plan":
            assert isinstance(task, FlowableTask)
            planned(turn, run, task, answers)
        case "round":
            scopes.round_answered(turn, run, answers)
        case "update":
            assert isinstance(task, UpdatingTask)
            updates.update(turn, run, task, answers)
        case "children":
            children.wanted(turn, run, answers)
        case _ if question.startswith(endings.CLOSING):
            endings.closed(turn, run, question, answers)


def unanswered(turn: Turn, run: TaskRun, question: str, error: Failure) -> None:
    """A question could not be rendered: the task run fails by itself, no child is created."""
    run = changed(run, asked=None)
    if question == "children":
        attempts.ended_badly(turn, run, error)
    else:
        turn.finish(run, State.FAILED, error=error)


def planned(turn: Turn, run: TaskRun, task: FlowableTask, answers: Answers) -> None:
    """The flowable knows what it needs: wait first (Pause), or run its tasks."""
    try:
        if (filled := task.filled(answers)) is not None:
            turn.fill(filled, run)
            task = filled
        waiting = task.pause(answers)
        plan = task.plan(answers) if waiting is None else None
    except (TaskFailed, ValueError) as error:
        turn.finish(run, State.FAILED, error=failure(error))
        return
    if needs := dict(answers):
        run = turn.put(changed(run, answers=needs))
    if waiting is not None:
        wait(turn, run, waiting, purpose="pause")
        if (told := task.tells()) is not None:
            scopes.tell(turn, run, told)
        return
    assert plan is not None
    if plan.outputs:
        run = turn.put(changed(run, outputs={**(run.outputs or {}), **plan.outputs}))
        turn.show_outputs(run)
    if plan.ends is not None:
        if plan.reason:
            turn.note(run.id, plan.reason, Level.ERROR if plan.ends is State.FAILED else Level.INFO)
        failed: Failure | None = (
            {"type": task.type, "message": plan.reason or ""} if plan.ends is State.FAILED else None
        )
        turn.finish(run, plan.ends, error=failed)
        return
    if task.rounds:
        scopes.enter_round(turn, run, plan, 1)
    else:
        number = turn.attempt_number if task.restarts_whole else 1
        scopes.enter(turn, run.id, plan, Section.TASKS, number)
    if plan.detached and not turn.runs[run.id].state.is_terminal:
        turn.set(detached=turn.detached.set(run.id, None))
        run = turn.runs[run.id]
        turn.finish(run, State.SUCCESS, outputs={**(run.outputs or {}), "detached": True})


def wait(turn: Turn, run: TaskRun, waiting: Wait, *, purpose: str) -> None:
    """Let a task run wait for its time or for somebody."""
    due = None if waiting.seconds is None else turn.at + timedelta(seconds=waiting.seconds)
    if waiting.paused and not (purpose == "round" and turn.seed):
        run = run.to(State.PAUSED, turn.at)
        turn.paused += 1
    turn.put(
        changed(run, due=due, asked=f"{purpose}:{waiting.elapsed}" if waiting.resumable else None)
    )
    if due is not None:
        turn.commands.append(SetTimer(run.id, purpose, due))
    if waiting.timeout is not None:
        turn.commands.append(
            SetTimer(run.id, "timeout", turn.at + timedelta(seconds=waiting.timeout))
        )


def wake(turn: Turn, run: TaskRun) -> TaskRun:
    """A task run that waited goes on."""
    if run.state is State.PAUSED:
        turn.paused -= 1
        run = run.to(State.RUNNING, turn.at)
    return turn.put(changed(run, due=None, asked=None))


def resumed(
    turn: Turn, run: TaskRun, outputs: Mapping[str, Json], state: State = State.SUCCESS
) -> None:
    """A pause is over: its tasks run, or it ends."""
    task = turn.task(run)
    assert isinstance(task, FlowableTask)
    run = wake(turn, run)
    run = turn.put(changed(run, outputs={**(run.outputs or {}), **outputs}))
    turn.show_outputs(run)
    if state is State.CANCELLED:
        turn.finish(run, state)
        endings.cancel(turn)
        return
    plan = Plan()
    if state is not State.FAILED:
        plan = task.plan(Answers(run.answers or {}, dialect=turn.flow.dialect))
    if plan.lanes or has_sections(task):
        scopes.enter(turn, run.id, plan, Section.TASKS, worst=state)
    else:
        turn.finish(run, state)


def has_sections(task: FlowableTask) -> bool:
    """Whether something follows its tasks."""
    return bool(enabled(task.errors) or enabled(task.finally_))


def failure(error: BaseException) -> Failure:
    """An exception as an execution keeps it."""
    kind = getattr(error, "kind", None)
    return {"type": kind if isinstance(kind, str) else type(error).__name__, "message": str(error)}
