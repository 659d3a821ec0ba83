"""Going on after an end: restart from the failure, another end state for a task run.

Theory of operation: what stays keeps its task runs; what shall run again is RESTARTED and its ancestors
are RUNNING. The stands of the scopes around it are made anew from the children that are there (the only
place where children are looked at, since a restart is rare), then everything goes on as always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from immutables import Map

from flowbook.errors import Conflict, NotFound
from flowbook.kinds.answers import Answers
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.state import State, worse
from flowbook.kinds.task import FlowableTask, Task

from . import attempts, scopes, slas, starts
from .events import Marked, RestartRequested
from .model import ROOT, Execution, Section, Stand, TaskRun, changed
from .turn import Turn

RESTARTABLE = frozenset({State.FAILED, State.PAUSED})
ENDED_WELL = frozenset({State.SUCCESS, State.WARNING})


def check_restart(execution: Execution, task_run: str | None = None) -> None:
    """Raises `Conflict` or `NotFound` when a restart isn't possible."""
    if not (execution.state.is_terminal or execution.state is State.PAUSED):
        raise Conflict(
            f"Execution must be terminated to be restarted, current state is '{execution.state}' !"
        )
    if task_run is not None and task_run not in execution.task_runs:
        raise NotFound(f"Execution '{execution.id}' has no task run '{task_run}'")
    if not restartable(execution) and not (execution.root and execution.root.spoiled):
        paused = execution.state is State.PAUSED
        way = "a resume lets it go on" if paused else "a replay runs it again"
        raise Conflict(f"No task found to restart execution from! None has failed: {way}")


def check_continue(execution: Execution, run: TaskRun) -> None:
    """Raises `Conflict` when a task run can't go on at a cell."""
    if not execution.state.is_terminal:
        raise Conflict(
            f"Execution must be terminated to be continued, current state is '{execution.state}' !"
        )
    if run.state is not State.FAILED:
        raise Conflict(f"Task '{run.task_id}' can't be continued: it is {run.state}")
    if run not in restartable(execution):
        raise Conflict(f"Task '{run.task_id}' can't be continued: the flow went on without it")


def has_run_already(execution: Execution) -> list[TaskRun]:
    """Task runs of `errors` and `finally` that a restart removes: they may run again."""
    return [
        run
        for run in execution.in_order()
        if run.section in (Section.ERRORS, Section.FINALLY) and run.attempts
    ]


def restartable(execution: Execution) -> list[TaskRun]:
    """Task runs that a restart would run again: none of `errors`, `finally` and the like, and none inside
    of something that ended well in spite of them (AllowFailure)."""
    return [
        run
        for run in execution.in_order()
        if run.state in RESTARTABLE
        and run.section is Section.TASKS
        and all(
            one.section is Section.TASKS and one.state not in ENDED_WELL
            for one in execution.ancestors(run)
        )
    ]


def restart(turn: Turn, event: RestartRequested) -> None:
    """The failed and paused task runs again; everything that ended well stays."""
    if not (turn.state.is_terminal or turn.state is State.PAUSED):
        return
    spoiled = turn.root is not None and turn.stand(ROOT).spoiled  # its `finally` failed
    _forget_sections(turn)
    _forget_begun(turn)
    _count_anew(turn)
    again = [
        run
        for run in turn.all_runs()
        if run.state in RESTARTABLE
        and not any(above.state in ENDED_WELL for above in _ancestors(turn, run))
        and not _has_failed_children(turn, run)
    ]
    if event.task_run is not None and event.continue_from is None:
        again = [run for run in again if run.id == event.task_run] or again
    if not again and not spoiled:
        return
    for run in again:
        if run.state is State.PAUSED:
            turn.paused -= 1
        _reopen(turn, run, State.RESTARTED)
    turn.set(
        attempt_number=turn.attempt_number + 1,
        closed=False,
        error=None,
        results=None,
        last_failed=None,
        asked=None,
        ending=None,
        held=False,
        parked=(),
    )
    if not any(key == "system.restarted" for key, _ in turn.labels):
        turn.set(labels=(*turn.labels, ("system.restarted", "true")))
    turn.move(State.RESTARTED)
    turn.note(ROOT, "Flow restarted")
    turn.move(State.RUNNING)
    slas.go_on(turn)
    go_on(turn, continued=None if event.continue_from is None else event)


def mark(turn: Turn, event: Marked) -> None:
    """A task run gets another end state and the flow goes on after it."""
    run = turn.runs.get(event.task_run)
    if run is None or not (turn.state.is_terminal or turn.state is State.PAUSED):
        return
    if not event.state.is_terminal or not (run.state.is_terminal or run.state is State.PAUSED):
        return
    _forget_sections(turn, [above.id for above in _ancestors(turn, run)])
    _count_anew(turn)
    if run.state is State.PAUSED:
        turn.paused -= 1
        if run.id in turn.open:
            del turn.open[run.id]
    last = [changed(run.attempts[-1], state=event.state)] if run.attempts else []
    run = turn.put(
        changed(run.to(event.state, turn.at), attempts=(*run.attempts[:-1], *last), asked=None)
    )
    for above in _ancestors(turn, run):
        _reopen(turn, above, State.RUNNING)
    turn.set(closed=False, error=None, results=None, asked=None, ending=None)
    turn.move(State.RESTARTED)
    turn.move(State.RUNNING)
    slas.go_on(turn)
    go_on(turn)


def go_on(turn: Turn, *, continued: RestartRequested | None = None) -> None:
    """Make the stands of open scopes anew and let everything that is RESTARTED run."""
    children: dict[str, list[TaskRun]] = defaultdict(list)
    for run in turn.all_runs():
        if run.section is Section.TASKS:
            children[run.parent].append(run)
    scope_ids = [
        ROOT,
        *[run.id for run in turn.all_runs() if run.id in turn.open and run.id in children],
    ]
    todo: list[tuple[str, int, int]] = []
    for scope in scope_ids:
        plan = _plan(turn, scope)
        stand, waiting = _stand(turn, plan, children[scope])
        if (rounds := _round(turn, scope)) is not None:
            stand = changed(stand, number=rounds)
        turn.keep(scope, stand)
        todo += [(scope, lane, step) for lane, step in waiting]
    for run in turn.all_runs():
        if run.id in turn.open and (run.state is State.RESTARTED or _is_bare(turn, run, children)):
            goes_on = continued if continued and continued.task_run == run.id else None
            _run_again(turn, run, goes_on, inside=run.id in children)
    for scope, lane, step in todo:
        stand = turn.stand(scope)
        scopes.create(turn, scope, stand, lane, stand.plan.lanes[lane], step)
    for scope in scope_ids:
        if scope == ROOT or scope in turn.open:
            scopes.advance(turn, scope)


def _is_bare(turn: Turn, run: TaskRun, children: Mapping[str, Sequence[TaskRun]]) -> bool:
    """Whether it is a flowable that was replayed: RUNNING, without children, before its plan."""
    return (
        run.state is State.RUNNING
        and run.stand is None
        and run.id not in children
        and isinstance(turn.task(run), FlowableTask)
    )


def _run_again(
    turn: Turn, run: TaskRun, continued: RestartRequested | None, *, inside: bool
) -> None:
    task = turn.task(run)
    if isinstance(task, FlowableTask):
        answers = Answers(run.answers or {}, dialect=turn.flow.dialect)
        spoiled = run.stand is not None and run.stand.spoiled
        if inside and (spoiled or task.closes(State.SUCCESS, answers)):
            turn.put(run.to(State.RUNNING, turn.at))
            return  # what failed is `finally`, or its last work: its scope advances to that
        was_paused = not task.rounds and any(state is State.PAUSED for state, _ in run.history)
        run = turn.put(run.to(State.RUNNING, turn.at))
        if was_paused:
            starts.resumed(turn, run, {})
        else:
            starts.consider(turn, run, task)
    elif continued is not None:
        attempts.begin(turn, run, task, continued)
    else:
        starts.consider(turn, run, task)


def _plan(turn: Turn, scope: str) -> Plan:
    if scope == ROOT:
        return one_lane(enabled(turn.flow.tasks))
    run = turn.runs[scope]
    task = turn.task(run)
    assert isinstance(task, FlowableTask)
    return task.plan(Answers(run.answers or {}, dialect=turn.flow.dialect))


def _round(turn: Turn, scope: str) -> int | None:
    """In which round a looping flowable stands."""
    if scope == ROOT:
        return None
    run = turn.runs[scope]
    task = turn.task(run)
    if not isinstance(task, FlowableTask) or not task.rounds:
        return None
    return int((run.outputs or {}).get("iterationCount", 1))


def _stand(
    turn: Turn, plan: Plan, children: Sequence[TaskRun]
) -> tuple[Stand, list[tuple[int, int]]]:
    """The stand that these children make, and the next steps that are due in lanes that stand still."""
    last: dict[int, TaskRun] = {}
    worst, started = State.SUCCESS, set()
    for run in children:
        if run.lane not in last or run.step > last[run.lane].step:
            last[run.lane] = run
        started.add(run.lane)
        if run.state.is_terminal:
            worst = worse(worst, run.state, cancelled_counts=turn.seed)
    opened = 0
    due = []
    for lane, run in last.items():
        if not run.state.is_terminal:
            opened += 1
        elif run.state not in scopes.STOPS and run.step + 1 < len(plan.lanes[lane].tasks):
            opened += 1
            due.append((lane, run.step + 1))
    stand = Stand(
        plan=plan,
        open=opened,
        worst=worst,
        stopped=worst in scopes.STOPS and plan.stops,
        next_lane=max(started, default=-1) + 1,
    )
    if plan.gathers:
        ended_with = {lane: run.id for lane, run in last.items() if run.state.is_terminal}
        stand = changed(stand, gathered=Map(ended_with))
    if plan.after:
        ended = {run.task_id for run in children if run.state.is_terminal}
        ids = {lane.tasks[0].id for lane in plan.lanes}
        missing, ready = {}, []
        for index, each in enumerate(plan.lanes):
            if index in started:
                continue
            left = len((plan.after.get(each.tasks[0].id, frozenset()) & ids) - ended)
            if left:
                missing[index] = left
            else:
                ready.append(index)
        stand = changed(stand, missing=Map(missing), ready=tuple(ready))
    return stand, due


def _reopen(turn: Turn, run: TaskRun, state: State) -> None:
    if run.state is not state:
        run = run.to(state, turn.at)
    turn.put(changed(run, error=None, asked=None, due=None))
    turn.open[run.id] = None
    for above in _ancestors(turn, run):
        if above.state.is_terminal:
            turn.put(above.to(State.RUNNING, turn.at, error=None))
        turn.open[above.id] = None


def _ancestors(turn: Turn, run: TaskRun) -> Iterable[TaskRun]:
    parent = run.parent
    while parent != ROOT:
        above = turn.runs[parent]
        yield above
        parent = above.parent


def _has_failed_children(turn: Turn, run: TaskRun) -> bool:
    if run.stand is None:
        return False
    return any(
        other.parent == run.id and other.section is Section.TASKS and other.state in RESTARTABLE
        for other in turn.all_runs()
    )


def _count_anew(turn: Turn) -> None:
    """An end has set these to nothing, whatever went on beside it."""
    states = [run.state for run in turn.open_runs()]
    turn.paused, turn.retrying = states.count(State.PAUSED), states.count(State.RETRYING)


def _forget_sections(turn: Turn, reopened: Collection[str] = ()) -> None:
    """Remove the task runs of `errors`, `finally` and `afterExecution`, and what is inside them; those of
    what ended well and isn't reopened stay."""
    gone: set[str] = set()
    for run in turn.all_runs():
        stays = run.parent != ROOT and run.parent not in reopened
        stays = stays and turn.runs[run.parent].state in ENDED_WELL
        if run.parent in gone or (run.section is not Section.TASKS and not stays):
            gone.add(run.id)
    for run_id in gone:
        turn.remove(run_id)


def _forget_begun(turn: Turn) -> None:
    """Remove what is inside of failed flowables that a restart begins anew."""
    runs = turn.all_runs()
    anew = {
        run.id
        for run in runs
        if run.state in RESTARTABLE
        and (restarts_whole(turn.task(run)) or _ran_out(turn, run))
        and not any(above.state in ENDED_WELL for above in _ancestors(turn, run))
    }
    gone: set[str] = set()
    for run in runs:
        if run.parent in anew or run.parent in gone:
            gone.add(run.id)
            turn.remove(run.id)


def _ran_out(turn: Turn, run: TaskRun) -> bool:
    """Whether it is a loop that failed because its condition never became true."""
    task = turn.task(run)
    return isinstance(task, FlowableTask) and task.rounds and not _has_failed_children(turn, run)


def restarts_whole(task: Task) -> bool:
    """Whether a task can't go on in the middle: all of it runs again."""
    return isinstance(task, FlowableTask) and task.restarts_whole
