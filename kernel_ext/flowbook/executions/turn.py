"""The working copy of an execution while events are folded into it.

Theory of operation: `fold` makes one `Turn`, lets each event change it, and takes the new execution,
the commands and the rows that moved out of it. Outside of `fold` executions are values; inside, a turn
may be changed freely, which saves copying persistent maps a thousand times. A task run that ends is
put into `ended`; its scope hears of it from the loop in `step.py`, never by a call from inside another
scope, so a chain of ten thousand tasks that end at once needs no deep stack.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from immutables import Map

from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import FlowableTask, Level, Task

from . import transitions
from .commands import Command, Note
from .model import ROOT, Execution, Failure, Section, Stand, TaskRun, changed

if TYPE_CHECKING:
    from flowbook.flows.model import Flow

LIVE = frozenset({State.RUNNING, State.PAUSED, State.RETRYING, State.RESTARTED})
AT_THE_END = frozenset({"outputs", "assertions"})
"""What an execution whose tasks are done is asked before it ends."""


class Turn:
    """One execution, being changed."""

    def __init__(self, execution: Execution, at: datetime) -> None:
        self.before = execution
        self.flow: Flow = execution.flow
        self.id = execution.id
        self.at = at
        self.seed = execution.flow.dialect == "seed"
        self.state = execution.state
        self.history = execution.history
        self.runs = execution.task_runs.mutate()
        self.open = execution.open.mutate()
        self.latest = execution.latest.mutate()
        self.outputs: Map[str, Any] = execution.outputs
        self.kept = execution.kept
        self.count = execution.count
        self.paused = execution.paused
        self.retrying = execution.retrying
        self.only = execution.only
        self.fields: dict[str, Any] = {}
        self.stands: dict[str, Stand] = {}
        self.touched: dict[str, None] = {}
        self.removed: dict[str, None] = {}
        self.ended: deque[str] = deque()
        self.commands: list[Command] = []
        self._tasks = execution.flow.by_id()
        self.fresh = False
        """The execution is new: all its rows are."""

    def __getattr__(self, name: str) -> Any:
        # fields of the execution that nothing above keeps: the changed one, else the one before
        fields = object.__getattribute__(self, "fields")
        return fields[name] if name in fields else getattr(self.before, name)

    def set(self, **fields: Any) -> None:
        """Change fields of the execution that have no attribute here."""
        self.fields.update(fields)

    @property
    def held(self) -> bool:
        """Whether a pause by hand lets nothing new start; asked too often for `__getattr__`."""
        held: bool = self.fields.get("held", self.before.held)
        return held

    @property
    def killing(self) -> bool:
        return self.state is State.KILLING

    def move(self, state: State) -> None:
        """The execution into another state."""
        if state is self.state:
            return
        transitions.check(transitions.EXECUTION, self.state, state, self.story)
        self.state = state
        self.history = (*self.history, (state, self.at))

    def story(self) -> str:
        return " → ".join(str(state) for state, _ in self.history)

    def open_runs(self) -> list[TaskRun]:
        """Task runs that haven't ended, in order. Looks at all of them: for what is rare."""
        known = self.open.finish()
        self.open = known.mutate()
        return sorted((self.runs[run_id] for run_id in known), key=lambda run: run.position)

    def all_runs(self) -> list[TaskRun]:
        """All task runs in order. Looks at all of them: for what is rare."""
        known = self.runs.finish()
        self.runs = known.mutate()
        return sorted(known.values(), key=lambda run: run.position)

    def task(self, run: TaskRun) -> Task:
        return self._tasks[run.place]

    def within(self, parent: str, task_id: str) -> str:
        """Where the task of a new task run is found: see `TaskRun.within`."""
        if parent == ROOT:
            return ""
        above = self.runs[parent]
        inside = f"{above.place}/"
        return inside if inside + task_id in self._tasks else above.within

    def fill(self, task: FlowableTask, run: TaskRun) -> None:
        """The flow from now on has this task in the place of the one that a task run is of."""
        self.flow = self.flow.with_task(task, run.place)
        self._tasks = self.flow.by_id()
        self.set(flow=self.flow)

    def put(self, run: TaskRun) -> TaskRun:
        """Keep a task run and note that its row has moved."""
        self.runs[run.id] = run
        self.touched[run.id] = None
        return run

    def add(self, run: TaskRun) -> TaskRun:
        """Keep a new task run."""
        self.count += 1
        self.open[run.id] = None
        self.latest[run.task_id, run.value] = run.id
        return self.put(run)

    def remove(self, run_id: str) -> None:
        """Forget a task run: a round that is over, an errors branch before a restart."""
        run = self.runs.pop(run_id)
        if run_id in self.open:
            del self.open[run_id]
        if self.latest.get((run.task_id, run.value)) == run_id:
            del self.latest[run.task_id, run.value]
        self.touched.pop(run_id, None)
        self.removed[run_id] = None

    def stand(self, parent: str) -> Stand:
        found = self.stands.get(parent)
        if found is None:
            stored = self.root if parent == ROOT else self.runs[parent].stand
            assert stored is not None, f"{parent or 'the flow'} has no plan yet"
            found = self.stands[parent] = stored
        return found

    def keep(self, parent: str, stand: Stand) -> Stand:
        self.stands[parent] = stand
        return stand

    def note(self, run_id: str, message: str, level: Level = Level.INFO) -> None:
        self.commands.append(Note(run_id, level, message))

    def finish(
        self,
        run: TaskRun,
        state: State,
        *,
        error: Failure | None = None,
        outputs: Mapping[str, Json] | None = None,
    ) -> TaskRun:
        """End a task run: `allowFailure` and `allowWarning` have their say, outputs become visible."""
        task = self.task(run)
        if state is State.FAILED:
            own = error is not None or run.error is not None  # a flowable fails because of a child
            if own and run.section is not Section.PAUSE:
                self.set(last_failed=run.id)
            if task.allow_failure and not is_fatal(task, error or run.error):
                state = State.WARNING
        if state is State.WARNING and task.allow_warning:
            state = State.SUCCESS
        if run.state is State.PAUSED:
            self.paused -= 1
        elif run.state is State.RETRYING:
            self.retrying -= 1
        fields: dict[str, Any] = {}
        if outputs is not None:
            fields["outputs"] = outputs
        if error is not None or run.asked is not None or run.due is not None:
            fields.update(error=error or run.error, asked=None, due=None)
        if isinstance(task, FlowableTask) and run.stand is not None:
            fields["stand"] = self.stands.pop(run.id, run.stand)
        run = self.put(run.to(state, self.at, **fields))
        if run.outputs is not None:
            self.show_outputs(run)
        if run.id in self.open:
            del self.open[run.id]
        self.ended.append(run.id)
        return run

    def show_outputs(self, run: TaskRun) -> None:
        """Make a task run's outputs visible to expressions, under its iteration values: those of the
        whole execution, or those inside the nearest flowable that has them for itself."""
        values: list[str] = []
        inner, parent = run, run.parent
        while parent != ROOT:
            above = self.runs[parent]
            task = self.task(above)
            assert isinstance(task, FlowableTask)
            if inner.value is not None and not task.hands_on_value:
                values.append(inner.value)
            if task.keeps_outputs:
                inside = self.kept.get(above.id) or Map()
                inside = _with(inside, [run.task_id, *reversed(values)], run.outputs)
                self.kept = self.kept.set(above.id, inside)
                if task.keeps_outputs == "own":
                    return
            inner, parent = above, above.parent
        self.outputs = _with(self.outputs, [run.task_id, *reversed(values)], run.outputs)

    def served(self, run: TaskRun) -> Mapping[str, Json] | None:
        """The outputs that a task run may end with instead of being run."""
        values: list[str] = []
        inner = run
        while inner.id != run.served:
            above = self.runs[inner.parent]
            task = self.task(above)
            assert isinstance(task, FlowableTask)
            if inner.value is not None and not task.hands_on_value:
                values.append(inner.value)
            inner = above
        found: Any = self.stand(inner.id).plan.served
        for name in (run.task_id, *reversed(values)):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else None

    def reflect(self) -> None:
        """Let the execution's state follow its task runs: PAUSED, RETRYING or RUNNING."""
        if self.state is State.RUNNING and not (self.paused or self.retrying or self.held):
            return
        if self.state not in LIVE or self.asked in AT_THE_END:
            return
        wanted = State.RUNNING
        if self.paused or self.held:
            wanted = State.PAUSED
        elif self.retrying:
            wanted = State.RETRYING
        if wanted is State.RUNNING or self.state is wanted:
            self.move(wanted)
            return
        if self.state is State.RETRYING or self.state is State.RUNNING:
            self.move(wanted)
        else:
            self.move(State.RUNNING)
            self.move(wanted)

    def done(self) -> Execution:
        """The execution as it is now."""
        for parent, stand in self.stands.items():
            if parent == ROOT:
                self.fields["root"] = stand
            elif parent in self.runs and self.runs[parent].stand is not stand:
                self.runs[parent] = changed(self.runs[parent], stand=stand)
        return changed(
            self.before,
            state=self.state,
            history=self.history,
            task_runs=self.runs.finish(),
            open=self.open.finish(),
            latest=self.latest.finish(),
            outputs=self.outputs,
            kept=self.kept,
            count=self.count,
            paused=self.paused,
            retrying=self.retrying,
            **self.fields,
        )


def _with(tree: Map[str, Any], path: list[str], value: Any) -> Map[str, Any]:
    name, *rest = path
    if not rest:
        return tree.set(name, value)
    below = tree.get(name)
    if not isinstance(below, Map):
        below = Map()
    return tree.set(name, _with(below, rest, value))


def is_fatal(task: Task, error: Failure | None) -> bool:
    """Whether the task's `fatalError` names the failure: no retry, and it can't be allowed."""
    names = task.fatal_error if isinstance(task.fatal_error, list | tuple) else ()
    text = "" if error is None else f"{error.get('type', '')} {error.get('message', '')}"
    return any(str(name) in text for name in names)
