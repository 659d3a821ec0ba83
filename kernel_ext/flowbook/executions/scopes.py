"""Scopes: the flow and each flowable; which task run is created next, and when a scope is over.

Theory of operation: a scope has a `Stand`: the plan of its present section (`tasks`, then `errors` if
something failed, then `finally`), how many lanes are open and which lane opens next. A lane has one
task run that hasn't ended. When one ends, the next task of its lane is created, or the lane closes and
others may open; when none is open and none can open, the section is over. All of that is counters, so
a step costs the same beside ten siblings and ten thousand.
"""

from __future__ import annotations

import hashlib

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.plan import Lane, Plan, Wait, enabled, one_lane
from flowbook.kinds.state import State, worse
from flowbook.kinds.task import FlowableTask, Level, RoundsOver, Task

from . import endings, seeds, starts
from .commands import Ask
from .model import ROOT, Section, Stand, TaskRun, changed, made
from .turn import Turn

STOPS = frozenset({State.FAILED, State.KILLED})
BEGINS = frozenset({State.CREATED, State.RESTARTED})


def enter(
    turn: Turn,
    parent: str,
    plan: Plan,
    section: Section,
    number: int = 1,
    worst: State = State.SUCCESS,
) -> None:
    """Begin a section of a scope, which comes out as `worst` at least; one without a task is over at once."""
    earlier = turn.stands.get(parent) or (turn.root if parent == ROOT else turn.runs[parent].stand)
    stand = Stand(plan=plan, section=section, number=number, worst=worst)
    if earlier is not None and section is not Section.TASKS:
        stand = changed(stand, worst=earlier.worst, spoiled=earlier.spoiled)
    if plan.after:
        ids = {lane.tasks[0].id for lane in plan.lanes}
        missing = {
            index: len(plan.after.get(lane.tasks[0].id, frozenset()) & ids)
            for index, lane in enumerate(plan.lanes)
        }
        stand = changed(
            stand,
            missing=stand.missing.update({i: n for i, n in missing.items() if n}),
            ready=tuple(i for i, n in missing.items() if not n),
        )
    turn.keep(parent, stand)
    advance(turn, parent)


def advance(turn: Turn, parent: str) -> None:
    """Open as many lanes as may be open; end the section when none is left."""
    stand = turn.stand(parent)
    plan, total = stand.plan, len(stand.plan.lanes)
    may_open = not (stand.stopped or _frozen(turn, parent, stand))
    free = total if plan.width is None else plan.width - stand.open
    if may_open and free > 0 and (plan.after or stand.next_lane < total):
        if plan.after:
            opening = stand.ready[:free]
            stand = changed(stand, ready=stand.ready[free:], open=stand.open + len(opening))
        else:
            until = min(total, stand.next_lane + free)
            opening = tuple(range(stand.next_lane, until))
            stand = changed(stand, next_lane=until, open=stand.open + len(opening))
        turn.keep(parent, stand)
        empty = 0
        for index in opening:
            lane = plan.lanes[index]
            if lane.tasks:
                create(turn, parent, stand, index, lane, 0)
            else:
                empty += 1
        if empty:
            stand = turn.keep(
                parent, changed(turn.stand(parent), open=turn.stand(parent).open - empty)
            )
    if stand.open == 0 and not _can_open(turn, parent, stand):
        section_over(turn, parent)


def _frozen(turn: Turn, parent: str, stand: Stand) -> bool:
    """Nothing new starts: a kill, a pause by hand, an end state (`afterExecution` is past all that)."""
    if not (turn.killing or turn.held or turn.state.is_terminal):
        return False
    return stand.section is not Section.AFTER and not is_afterwards(turn, parent)


def is_afterwards(turn: Turn, scope: str) -> bool:
    """Whether a scope is inside of `afterExecution` or of a listener."""
    while scope != ROOT:
        run = turn.runs[scope]
        if run.section is Section.AFTER:
            return True
        scope = run.parent
    return False


def _can_open(turn: Turn, parent: str, stand: Stand) -> bool:
    if stand.stopped or (_frozen(turn, parent, stand) and not turn.held):
        return False
    return bool(stand.ready) if stand.plan.after else stand.next_lane < len(stand.plan.lanes)


def create(turn: Turn, parent: str, stand: Stand, index: int, lane: Lane, step: int) -> TaskRun:
    """A new task run for one task of a lane, and its first move."""
    task = lane.tasks[step]
    value, served = lane.value, None
    if parent != ROOT:
        above = turn.runs[parent]
        if value is None and _flowable(turn, above).hands_on_value:
            value = above.value
        if stand.section is Section.TASKS:
            served = above.id if stand.plan.served is not None else above.served
    run = made(
        TaskRun,
        id=run_id(parent or turn.id, task.id, stand.section, index, _number(turn, stand)),
        task_id=task.id,
        type=task.type,
        position=turn.count,
        parent=parent,
        within=turn.within(parent, str(task.id)),
        section=stand.section,
        lane=index,
        step=step,
        value=value,
        iteration=lane.iteration,
        key=lane.key,
        served=served,
        history=((State.CREATED, turn.at),),
    )
    turn.add(run)
    starts.start(turn, run, task)
    return run


def _number(turn: Turn, stand: Stand) -> str:
    """What tells apart task runs that stand in the same place: the round, and for those that a restart
    makes anew its number, so that late news about the old one isn't taken for the new one's."""
    if stand.section is Section.TASKS:
        return str(stand.number)
    return f"{stand.number}.{turn.attempt_number}"


def run_id(scope: str, task_id: str, section: Section, lane: int, number: str) -> str:
    """The id follows from where the task run stands, so going through the events again gives it again."""
    name = f"{scope}/{section.value}/{task_id}/{lane}/{number}"
    return hashlib.blake2b(name.encode(), digest_size=11).hexdigest()


def child_ended(turn: Turn, run: TaskRun) -> None:
    """A task run has ended: the next of its lane, or the lane closes."""
    parent = run.parent
    if run.section is Section.PAUSE:
        _told(turn, run)
        return
    stand = turn.stand(parent)
    if run.section is not stand.section:
        return  # news from a section that a restart has left behind
    state = run.state
    stops = state in STOPS and stand.plan.stops and not _goes_on_failed(turn, run)
    changes: dict[str, object] = {}
    if run.section is Section.TASKS:
        if state is not State.SUCCESS:
            changes["worst"] = worse(stand.worst, state, cancelled_counts=turn.seed)
    elif run.section is Section.FINALLY and state is State.FAILED and turn.seed:
        changes["spoiled"] = True
    if stops and not stand.stopped:
        changes["stopped"] = True
    lane = stand.plan.lanes[run.lane]
    over = _frozen(turn, parent, stand) and not turn.held
    step: int | None = run.step + 1 if run.step + 1 < len(lane.tasks) else None
    if stops or (turn.seed and stand.stopped and run.section is Section.TASKS):
        stopped = changed(stand, **changes) if changes else stand
        turn.keep(parent, stopped)
        step = seeds.next_aware(turn, stand, run) if run.section is Section.TASKS else None
    goes_on = step is not None and not over
    if not goes_on:
        changes["open"] = stand.open - 1
        if stand.plan.gathers:
            changes["gathered"] = stand.gathered.set(run.lane, run.id)
        if stand.plan.after and (waiting := stand.plan.dependents.get(run.task_id)):
            missing, ready = stand.missing, stand.ready
            for index in waiting:
                left = missing[index] - 1
                if left:
                    missing = missing.set(index, left)
                else:
                    missing = missing.delete(index)
                    ready = (*ready, index)
            changes.update(missing=missing, ready=ready)
    if changes:
        stand = turn.keep(parent, changed(stand, **changes))
    if goes_on and step is not None:
        if turn.held and stand.section is not Section.AFTER:
            turn.set(parked=(*turn.parked, (parent, run.lane, step)))
        else:
            create(turn, parent, stand, run.lane, lane, step)
    else:
        advance(turn, parent)


def tell(turn: Turn, run: TaskRun, task: Task) -> None:
    """Run a task because another begins to wait; nobody waits for it, and its failure is only noted."""
    plan = one_lane(enabled([task]))
    if plan.lanes:
        beside = Stand(plan=plan, section=Section.PAUSE)
        create(turn, run.id, beside, 0, plan.lanes[0], 0)


def _told(turn: Turn, run: TaskRun) -> None:
    if run.state is State.FAILED:
        message = (run.error or {}).get("message", "")
        turn.note(run.parent, f"'{run.task_id}' failed, the pause goes on: {message}", Level.WARN)
    if turn.state.is_terminal and not turn.open and not turn.closed:
        endings.close(turn)


def close_parked(turn: Turn) -> None:
    """Nothing will go on where a pause by hand has stopped it: close those lanes."""
    advance_each(turn, release(turn))


def release(turn: Turn) -> list[str]:
    """Lift a pause by hand without going on; returns the scopes whose lanes it had stopped."""
    parked = turn.parked
    turn.set(held=False, parked=())
    for scope, _, _ in parked:
        stand = turn.stand(scope)
        turn.keep(scope, changed(stand, open=stand.open - 1))
    return list(dict.fromkeys(scope for scope, _, _ in parked))


def advance_each(turn: Turn, parked: list[str]) -> None:
    """Go on with scopes that still wait for it."""
    for scope in parked:
        if scope == ROOT or scope in turn.open or scope in turn.detached:
            advance(turn, scope)


def section_over(turn: Turn, parent: str) -> None:
    """No task run is open and none comes: the next section, the next round, or the end."""
    stand = turn.stand(parent)
    if stand.section is Section.AFTER:
        turn.set(closed=True)
        return
    if turn.killing:
        endings.scope_ended(turn, parent, State.KILLED)
        return
    ended_above = turn.state.is_terminal and not is_afterwards(turn, parent)
    if ended_above:  # by Exit, an SLA or CANCEL
        endings.scope_ended(turn, parent, _outcome(turn, parent, stand))
        return
    if stand.section is Section.TASKS:
        if stand.worst is State.FAILED:
            plan = _errors_plan(turn, parent)
            if plan.lanes:
                enter(turn, parent, plan, Section.ERRORS)
                return
        elif stand.worst is not State.KILLED and _next_round(turn, parent, stand):
            return
    if stand.section is not Section.FINALLY:
        plan = _finally_plan(turn, parent)
        if plan.lanes:
            enter(turn, parent, plan, Section.FINALLY)
            return
    endings.scope_ended(turn, parent, _outcome(turn, parent, turn.stand(parent)))


def _goes_on_failed(turn: Turn, run: TaskRun) -> bool:
    """Whether the list goes on after this failure: one of `errors` or `finally` does, as in Kestra."""
    return (
        run.state is State.FAILED
        and run.section in (Section.ERRORS, Section.FINALLY)
        and not turn.seed
    )


def _outcome(turn: Turn, parent: str, stand: Stand) -> State:
    state = stand.worst
    if parent != ROOT:
        task = turn.task(turn.runs[parent])
        if isinstance(task, FlowableTask):
            state = task.settle(state)
    if stand.spoiled and state in (State.SUCCESS, State.WARNING):
        return State.FAILED
    return state


def _errors_plan(turn: Turn, parent: str) -> Plan:
    if parent == ROOT:
        return one_lane(enabled(turn.flow.errors))
    task = turn.task(turn.runs[parent])
    return task.errors_plan() if isinstance(task, FlowableTask) else Plan()


def _finally_plan(turn: Turn, parent: str) -> Plan:
    if parent == ROOT:
        return one_lane(enabled(turn.flow.finally_))
    task = turn.task(turn.runs[parent])
    return task.finally_plan() if isinstance(task, FlowableTask) else Plan()


def _flowable(turn: Turn, run: TaskRun) -> FlowableTask:
    task = turn.task(run)
    assert isinstance(task, FlowableTask)
    return task


def _next_round(turn: Turn, parent: str, stand: Stand) -> bool:
    """Ask a looping flowable what follows; false for all others."""
    if parent == ROOT:
        return False
    run = turn.runs[parent]
    task = turn.task(run)
    if not isinstance(task, FlowableTask) or not task.rounds:
        return False
    turn.put(changed(run, asked="round"))
    turn.commands.append(Ask(run.id, "round", task.asks_round()))
    return True


def enter_round(turn: Turn, run: TaskRun, plan: Plan, number: int) -> None:
    """Begin a round; its tasks and the condition after them see its number."""
    run = turn.put(changed(run, outputs={**(run.outputs or {}), "iterationCount": number}))
    turn.show_outputs(run)
    enter(turn, run.id, plan, Section.TASKS, number)


def round_answered(turn: Turn, run: TaskRun, answers: Answers) -> None:
    """The answer after a round: the next one, now or later, or the end."""
    task = turn.task(run)
    assert isinstance(task, FlowableTask)
    stand = turn.stand(run.id)
    run = turn.put(changed(run, asked=None))
    begun = max(date for state, date in run.history if state in BEGINS)
    elapsed = (turn.at - begun).total_seconds()
    try:
        follows = task.next_round(answers, stand.number, elapsed)
    except (TaskFailed, ValueError) as error:
        turn.finish(run, State.FAILED, error=starts.failure(error))
        return
    match follows:
        case RoundsOver():
            if follows.message:
                turn.note(run.id, follows.message, Level.WARN)
            if follows.failed:
                turn.keep(run.id, changed(stand, worst=State.FAILED))
            plan = one_lane(enabled(task.finally_))
            if plan.lanes:
                enter(turn, run.id, plan, Section.FINALLY)
            else:
                endings.scope_ended(turn, run.id, _outcome(turn, run.id, turn.stand(run.id)))
        case Wait():
            starts.wait(turn, run, follows, purpose="round")
        case Plan():
            forget_round(turn, run)
            enter_round(turn, run, follows, stand.number + 1)


def round_due(turn: Turn, run: TaskRun) -> None:
    """The wait between two rounds is over."""
    task = turn.task(run)
    assert isinstance(task, FlowableTask)
    stand = turn.stand(run.id)
    run = starts.wake(turn, run)
    forget_round(turn, run)
    plan = task.plan(Answers(run.answers or {}, dialect=turn.flow.dialect))
    enter_round(turn, run, plan, stand.number + 1)


def forget_round(turn: Turn, run: TaskRun) -> None:
    """Delete the task runs of the round that is over: only the last round remains."""
    inside = {run.id}
    for other in turn.all_runs():
        if other.parent in inside:
            inside.add(other.id)
    for gone in inside - {run.id}:
        turn.remove(gone)
