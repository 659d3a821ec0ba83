"""What an execution is: values that never change; a step makes new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from dataclasses import fields as fields_of
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from immutables import Map

from flowbook.kinds.dynamic import Json
from flowbook.kinds.plan import Plan
from flowbook.kinds.state import State

from . import transitions

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.kinds.task import Task

T = TypeVar("T")
History: TypeAlias = tuple[tuple[State, datetime], ...]
Failure: TypeAlias = Mapping[str, Json]
"""What went wrong: `type`, `message`, and where known `traceback`, `cell`, `line`, `excerpt`."""

UNSET: Json = ["io.flowbook.unset"]
"""Stands among an execution's variables for one of the flow's that is no more."""

ROOT = ""
"""Stands for the execution itself where a task run's id is expected."""


def changed(value: T, **fields: Any) -> T:
    """The value with some fields changed. `dataclasses.replace` would build each anew: a step makes
    some ten of them, so these classes have no slots and are copied as their dictionary."""
    copy = object.__new__(value.__class__)
    inside = copy.__dict__
    inside.update(value.__dict__)
    inside.update(fields)
    return copy


def made(kind: type[T], **fields: Any) -> T:
    """A new value with its defaults, for the classes that a step makes by the thousand: the `__init__` of a
    frozen class sets each field by a call of its own."""
    new = object.__new__(kind)
    inside = new.__dict__
    inside.update(_defaults(kind))  # type: ignore[arg-type]  # classes are hashable
    inside.update(fields)
    return new


@cache
def _defaults(kind: type) -> Mapping[str, Any]:
    return {each.name: each.default for each in fields_of(kind) if each.default is not MISSING}


class Section(StrEnum):
    """Which list of a scope a task run belongs to."""

    TASKS = "tasks"
    ERRORS = "errors"
    FINALLY = "finally"
    AFTER = "afterExecution"
    PAUSE = "onPause"


@dataclass(frozen=True, kw_only=True)
class Stand:
    """How far a scope has come. Nothing is ever counted by looking at siblings."""

    plan: Plan
    section: Section = Section.TASKS
    number: int = 1
    """The round, from 1 (LoopUntil)."""
    next_lane: int = 0
    open: int = 0
    """Lanes that are open; each has exactly one task run that hasn't ended."""
    worst: State = State.SUCCESS
    """Of the task runs of `tasks` that have ended."""
    stopped: bool = False
    """Something failed (or was killed): no further task starts in this section."""
    spoiled: bool = False
    """A task of `finally` failed, in the seed dialect."""
    missing: Map[int, int] = Map()
    """Dag: lane → number of dependencies that haven't ended."""
    ready: tuple[int, ...] = ()
    """Dag: lanes that may open, in order."""
    gathered: Map[int, str] = Map()
    """Lane → the task run it ended with, if the plan gathers."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try of a task run."""

    number: int
    state: State
    start: datetime
    end: datetime | None = None
    error: Failure | None = None
    cache: Mapping[str, Json] | None = None
    """Whether an earlier result was served instead, and why it wasn't (`taskCache`)."""
    continues: int | None = None
    """The attempt it goes on with, at `cell`, with `edits` of the notebook's source."""
    cell: int | None = None
    edits: tuple[Mapping[str, Json], ...] = ()


@dataclass(frozen=True)
class Batch:
    """One of many executions that a task run has started."""

    execution_id: str | None
    state: State
    attempt: int


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """One instance of a task in an execution."""

    id: str
    task_id: str
    type: str
    position: int
    """Order of creation in the execution, from 0."""
    parent: str = ROOT
    within: str = ""
    """The Template tasks around it, a slash after each id: what they bring may have ids that the flow has too."""
    section: Section = Section.TASKS
    lane: int = 0
    step: int = 0
    """Its place in the lane."""
    value: str | None = None
    iteration: int | None = None
    key: str | None = None
    state: State = State.CREATED
    history: History = ()
    attempts: tuple[Attempt, ...] = ()
    outputs: Mapping[str, Json] | None = None
    error: Failure | None = None
    stand: Stand | None = None
    """Flowables only."""
    answers: Mapping[str, Json] | None = None
    """What the flowable was answered when it planned; a restart plans again from it."""
    asked: str | None = None
    """The question whose answer it waits for."""
    due: datetime | None = None
    """When its timer fires."""
    children: Map[str, str | None] = Map()
    """Executions it has started and that haven't ended, by id → value."""
    batches: Map[int, Batch] = Map()
    """Of a task that starts many executions: what became of each, by number."""
    served: str | None = None
    """The flowable around it that has the outputs it may end with instead of being run."""

    def to(self, state: State, at: datetime, **fields: Any) -> TaskRun:
        """The task run in another state, with some fields changed. Raises `InvalidTransition` for a move
        that there isn't."""
        if state is self.state:
            return changed(self, **fields) if fields else self
        transitions.check(transitions.TASK_RUN, self.state, state, self.story)
        return changed(self, state=state, history=(*self.history, (state, at)), **fields)

    def story(self) -> str:
        return f"{self.task_id}: " + " → ".join(str(state) for state, _ in self.history)

    @property
    def place(self) -> str:
        """Where its task is found in the flow."""
        return self.within + self.task_id if self.within else self.task_id

    @property
    def start(self) -> datetime | None:
        return self.history[0][1] if self.history else None

    @property
    def end(self) -> datetime | None:
        return self.history[-1][1] if self.history and self.state.is_terminal else None

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    def runs_attempt(self, number: int) -> bool:
        """Whether this attempt is the one that runs; news of any other is late."""
        last = self.attempt
        return (
            last is not None
            and last.number == number
            and last.end is None
            and not self.state.is_terminal
        )


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run of one flow revision."""

    id: str
    flow: Flow
    revision: int
    draft: bool = False
    state: State = State.CREATED
    history: History = ()
    inputs: Mapping[str, Json] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, Json] = field(default_factory=dict)
    """What SetVariables changed; laid over the flow's own."""
    trigger: Mapping[str, Json] | None = None
    parent_id: str | None = None
    original_id: str = ""
    attempt_number: int = 1
    original_date: datetime | None = None
    """When the first of the executions that this one tries again was created; none = this one."""
    schedule_date: datetime | None = None
    kind: str = "NORMAL"
    only: frozenset[str] | None = None
    """Run these task ids only; others are passed over."""
    recorded: Mapping[str, Json] = field(default_factory=dict)
    """Outputs that stand for those passed over, by task id."""
    recorded_from: str | None = None
    """The execution they are of."""
    task_runs: Map[str, TaskRun] = Map()
    count: int = 0
    """Task runs created so far: the next position."""
    latest: Map[tuple[str, str | None], str] = Map()
    """(task id, value) → the newest task run."""
    open: Map[str, None] = Map()
    """Task runs that haven't ended."""
    paused: int = 0
    retrying: int = 0
    root: Stand | None = None
    outputs: Map[str, Any] = Map()
    """What expressions see as `outputs`: nested by iteration values, extended and never folded again."""
    kept: Map[str, Map[str, Any]] = Map()
    """The same for flowables that keep the outputs inside of them, by task run."""
    results: Mapping[str, Json] | None = None
    """The flow's own outputs."""
    error: Failure | None = None
    last_failed: str | None = None
    """The task run that failed last."""
    held: bool = False
    """Paused by hand: what runs finishes, nothing new starts."""
    detached: Map[str, None] = Map()
    """Flowables that are done while their tasks go on (`wait: false`)."""
    loose: State = State.SUCCESS
    """The worst that came out of them."""
    parked: tuple[tuple[str, int, int], ...] = ()
    """(scope, lane, step) of task runs to create when the execution is no longer held."""
    asked: str | None = None
    ending: State | None = None
    """The end state it is about to take."""
    closed: bool = False
    """`afterExecution` is done too."""
    events: int = 0
    """How many events it was folded from."""

    def to(self, state: State, at: datetime) -> Execution:
        """The execution in another state. Raises `InvalidTransition` for a move that there isn't."""
        if state is self.state:
            return self
        transitions.check(transitions.EXECUTION, self.state, state, self.story)
        return changed(self, state=state, history=(*self.history, (state, at)))

    def story(self) -> str:
        return " → ".join(str(state) for state, _ in self.history)

    def task(self, run: TaskRun) -> Task:
        """The task that one of its task runs is of."""
        return self.flow.task(run.place)

    @property
    def is_over(self) -> bool:
        """Nothing is left to run; a terminal state alone doesn't say that."""
        return self.closed and self.state.is_terminal and not self.open

    @property
    def start(self) -> datetime | None:
        return self.history[0][1] if self.history else None

    @property
    def end(self) -> datetime | None:
        return self.history[-1][1] if self.state.is_terminal else None

    def run_of(self, task_id: str, value: str | None = None) -> TaskRun | None:
        """The newest task run of a task."""
        found = self.latest.get((task_id, value))
        return self.task_runs[found] if found is not None else None

    def in_order(self) -> list[TaskRun]:
        """All task runs in the order of their creation."""
        return sorted(self.task_runs.values(), key=lambda run: run.position)

    def ancestors(self, run: TaskRun) -> list[TaskRun]:
        """The flowables around a task run, nearest first."""
        found = []
        while run.parent != ROOT:
            run = self.task_runs[run.parent]
            found.append(run)
        return found
