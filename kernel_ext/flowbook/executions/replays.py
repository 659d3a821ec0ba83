"""What a replay takes over: the task runs of another execution, as the new one holds them.

They travel in the event that creates the new execution, so that it stands by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from flowbook.errors import NotFound
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json
from flowbook.kinds.plan import Plan
from flowbook.kinds.state import State
from flowbook.kinds.task import FlowableTask

from . import scopes
from .model import ROOT, Attempt, Execution, Section, Stand, TaskRun
from .restarts import restarts_whole
from .turn import Turn


def copies(execution: Execution, target: str, new_id: str) -> list[Mapping[str, Json]]:
    """What a replay from `target` takes over: every task run but the target's descendants and whatever
    came after it; the target is RESTARTED (a flowable RUNNING), its ancestors are RUNNING. Raises `NotFound`."""
    if target not in execution.task_runs:
        raise NotFound(f"Execution '{execution.id}' has no task run '{target}'")
    point = execution.task_runs[target]
    for above in execution.ancestors(point):
        if restarts_whole(execution.task(above)):
            point, target = above, above.id
    chain = [point, *execution.ancestors(point)]
    running = {run.id for run in chain[1:]}
    gone: set[str] = set()
    kept: list[TaskRun] = []
    for run in execution.in_order():
        if (
            run.parent in gone
            or run.parent == target
            or run.section is not Section.TASKS
            or any(_after(run, link) for link in chain if run.parent == link.parent)
        ):
            gone.add(run.id)
        else:
            kept.append(run)
    names = {run.id: scopes.run_id(new_id, run.id, Section.TASKS, 0, "1") for run in kept}
    taken: list[Mapping[str, Json]] = []
    for run in kept:
        state = run.state
        if run.id == target:
            flowable = isinstance(execution.task(run), FlowableTask)
            state = State.RUNNING if flowable else State.RESTARTED
        elif run.id in running:
            state = State.RUNNING
        stored = _stored(run, names, state)
        if run.id == target:
            stored["outputs"] = None
        taken.append(stored)
    return taken


def _after(run: TaskRun, link: TaskRun) -> bool:
    """Whether a sibling comes after the replayed one: later in its lane, or a later lane of a sequence."""
    if run.lane == link.lane:
        return run.step > link.step
    return run.lane > link.lane and run.position > link.position and run.iteration is not None


def _stored(run: TaskRun, names: Mapping[str, str], state: State) -> dict[str, Json]:
    return {
        "id": names[run.id],
        "task_id": run.task_id,
        "type": run.type,
        "parent": names.get(run.parent, ROOT),
        "lane": run.lane,
        "step": run.step,
        "value": run.value,
        "iteration": run.iteration,
        "key": run.key,
        "state": str(state),
        "history": [[str(s), moment.isoformat()] for s, moment in run.history],
        "attempts": [
            [a.number, str(a.state), a.start.isoformat(), a.end.isoformat() if a.end else None]
            for a in run.attempts
        ],
        "outputs": None if run.outputs is None else dict(run.outputs),
        "answers": None if run.answers is None else dict(run.answers),
    }


def with_copies(execution: Execution, copied: Sequence[Mapping[str, Json]]) -> Execution:
    """The execution with task runs taken over from another one."""
    if not copied:
        return execution
    at = execution.history[0][1]
    turn = Turn(execution, at)
    for stored in copied:
        state = State(stored["state"])
        history = tuple((State(s), datetime.fromisoformat(d)) for s, d in stored["history"])
        if history[-1][0] is not state:
            history = (*history, (state, at))
        run = TaskRun(
            id=stored["id"],
            task_id=stored["task_id"],
            type=stored["type"],
            position=turn.count,
            parent=stored["parent"],
            within=turn.within(stored["parent"], stored["task_id"]),
            lane=stored["lane"],
            step=stored["step"],
            value=stored["value"],
            iteration=stored["iteration"],
            key=stored["key"],
            state=state,
            history=history,
            attempts=tuple(
                Attempt(
                    number=n,
                    state=State(s),
                    start=datetime.fromisoformat(start),
                    end=datetime.fromisoformat(end) if end else None,
                )
                for n, s, start, end in stored["attempts"]
            ),
            outputs=stored["outputs"],
            answers=stored.get("answers"),
        )
        task = turn.task(run)
        if isinstance(task, FlowableTask) and run.answers:
            if (filled := task.filled(Answers(run.answers, dialect=turn.flow.dialect))) is not None:
                turn.fill(filled, run)
        turn.add(run)
        if state.is_terminal:
            del turn.open[run.id]
        if run.outputs is not None:
            turn.show_outputs(run)
    turn.keep(ROOT, Stand(plan=Plan()))
    return turn.done()
