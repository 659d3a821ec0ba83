"""Tasks: what all of them share, and the three sorts of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NewType, cast

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationInfo,
    WrapValidator,
    field_validator,
)
from pydantic_core import PydanticCustomError

from .answers import Answers
from .durations import Duration
from .dynamic import Dynamic, Json
from .part import Part, Written
from .plan import Plan, Wait
from .retry import Retry
from .state import State

if TYPE_CHECKING:
    from .context import Context

TaskId = NewType("TaskId", str)
TASK_ID = r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$"


class Level(StrEnum):
    """Severity of a log line."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"

    @classmethod
    def _missing_(cls, value: object) -> Level | None:
        return {"WARNING": cls.WARN}.get(str(value).upper()) or cls.__members__.get(
            str(value).upper()
        )


class Recover(StrEnum):
    """What follows when the host that ran an attempt is lost and no retry is left."""

    FAIL = "FAIL"
    RESTART = "RESTART"


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


Condition = Annotated[str, BeforeValidator(_text)]
"""The text of a condition: rendered by the machine when it asks, never before."""


class TaskCache(Written):
    """Whether a task is served with the outputs of an earlier run that had the same properties."""

    enabled: bool = True
    """`false` runs the task as if nothing stood here."""
    ttl: Duration | None = None
    """How long a result is good for; for ever if left out (in `cache`: a day)."""
    inputs: tuple[str, ...] | None = None
    """The properties that count; all if left out."""


class Task(Part):
    """One entry of a task list."""

    kind: ClassVar[str] = "task"
    recovers: ClassVar[Recover] = Recover.FAIL
    """The type's own answer when neither task, defaults nor flow say `recover`."""

    id: TaskId
    """The task's id, unique in the whole flow."""
    description: str | None = None
    """What the task is for, in Markdown."""
    disabled: bool = False
    """Leave the task out, as if it were not there."""
    run_if: Condition | None = Field(None, validation_alias=AliasChoices("runIf", "when", "run_if"))
    """Run only if this is true; else the task run is SKIPPED."""
    timeout: Dynamic[Duration | None] = None
    """The longest an attempt may take."""
    retry: Retry | None = None
    """When a failed attempt is made again."""
    allow_failure: bool = False
    """A failure counts as WARNING and the flow goes on."""
    allow_warning: bool = False
    """A WARNING counts as SUCCESS."""
    recover: Recover | None = None
    """What follows when the host that ran an attempt is lost."""
    log_level: Level | None = None
    """The least level of log lines that are kept."""
    log_to_file: bool = False
    """Keep the log of each attempt in a file of the storage instead of the history."""
    worker_group: Json = None
    """The named pool of workers to run on; one machine has one."""
    worker_selector: Json = None
    """Tags of the workers to run on; one machine has all."""
    policy_refs: Json = None
    """Accepted and left alone."""
    task_cache: TaskCache | None = None
    """`{enabled, ttl}`: serve the outputs of an earlier run with the same properties."""
    cache: TaskCache | None = None
    """Older form of `taskCache`: `{enabled, ttl, inputs}`."""
    plugin_defaults_ref: Json = None
    """The plugin defaults with this `ref` apply."""
    version: Json = None
    """Accepted and left alone."""
    assets: Json = None
    """Accepted and left alone."""
    conditions: Json = None
    """Conditions that must all hold when the task would start, else it is SKIPPED."""
    depends_on: Json = None
    """Ids of tasks that must have ended before this one."""
    send: Json = None
    """Outputs of these tasks are handed over as `taskrun.value`."""
    labels: Json = None
    """Labels of the task run."""
    before: Json = None
    """Tasks to run first: they and the task are one block, which has its place."""
    after: Json = None
    """Tasks to run when the task has gone well, in that block too."""
    fatal_error: Json = None
    """A failure that names one of these isn't tried again."""
    max_parallel: Json = None
    """How many children run at once."""
    wait: Json = None
    """`false` on a flowable: its children go on by themselves."""

    @field_validator("before", "after", mode="wrap")
    @classmethod
    def _tasks_around(cls, value: Any, inward: Any, info: ValidationInfo) -> Any:
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            return _task_list().validate_python(value, context=info.context)
        return inward(value)

    @property
    def stands_for(self) -> str:
        """The id by which other tasks depend on it."""
        return str(self.id)

    def branches(self) -> Mapping[str, Sequence[Task]]:
        """The lists of tasks inside this one, by the name of their property."""
        return {}

    def made(self) -> Sequence[Task]:
        """Tasks that nobody wrote and that its plan consists of (an iteration of Loop …)."""
        return ()

    def children(self) -> Iterator[Task]:
        """All tasks directly inside this one."""
        for tasks in self.branches().values():
            yield from tasks


class Hole(Task):
    """A task without `type`: drawn as an empty node; a flow with one is a draft."""

    kind: ClassVar[str] = "hole"
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a runnable task hands back: its outputs, and a state other than SUCCESS if it has one."""

    values: Mapping[str, Json] = field(default_factory=dict)
    state: State | None = None


class RunnableTask(Task):
    """A task that does work in an attempt: retried, timed out, killed."""

    @abstractmethod
    async def run(self, context: Context) -> Output | Mapping[str, Json] | None:
        """Do the work. Raises `TaskFailed` for a planned failure; cancelled on kill and timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundsOver:
    """No further round: the end, as the tasks came out or FAILED, with a line for the log."""

    failed: bool = False
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEnded:
    """What came of a lane, for a flowable that gathers."""

    value: str | None
    iteration: int | None
    key: str | None
    state: State
    outputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a flowable knows of its tasks when they have ended."""

    state: State
    """How they came out."""
    answers: Mapping[str, Json]
    """What it planned with."""
    lanes: Sequence[LaneEnded] = ()
    """What came of each lane, if it gathers."""
    inside: Mapping[str, Json] = field(default_factory=dict)
    """The outputs of what is inside, if it keeps them."""


class FlowableTask(Task):
    """A control structure: says what comes next, the machine runs it. Pure, but for `opening` and
    `closing`, which the engine awaits."""

    recovers: ClassVar[Recover] = Recover.RESTART
    hands_on_value: ClassVar[bool] = False
    """Whether its tasks carry the value of its own task run."""
    keeps_outputs: ClassVar[Literal["", "copy", "own"]] = ""
    """Whether outputs inside of it are kept apart: besides (`copy`), or seen inside only (`own`)."""
    shares_directory: ClassVar[bool] = False
    """Whether its tasks have one working directory, which lasts as long as its task run."""
    restarts_whole: ClassVar[bool] = False
    """Whether a restart begins it anew instead of going on inside."""

    errors: tuple[AnyTask, ...] = ()
    """Tasks that run when one inside failed."""
    finally_: tuple[AnyTask, ...] = Field((), alias="finally")
    """Tasks that run at the end, whatever happened."""

    def asks(self) -> Mapping[str, Json]:
        """Property values the plan depends on; templates among them are rendered first."""
        return {}

    @abstractmethod
    def plan(self, answers: Answers) -> Plan:
        """The first round. Raises `TaskFailed` when the answers can't be used."""

    def filled(self, answers: Answers) -> FlowableTask | None:
        """The same task with tasks that are known only now, from the answers (Template)."""
        return None

    rounds: ClassVar[bool] = False
    """Whether `next_round` is asked when the tasks have ended without a failure."""

    def pause(self, answers: Answers) -> Wait | None:
        """What to wait for before the first round (Pause)."""
        return None

    def tells(self) -> Task | None:
        """A task that runs when it begins to wait; what comes of it changes nothing."""
        return None

    def asks_round(self) -> Mapping[str, Json]:
        """Property values that `next_round` depends on; `outputs.<id>.iterationCount` is set."""
        return {}

    def next_round(self, answers: Answers, number: int, elapsed: float) -> Plan | Wait | RoundsOver:
        """What follows round `number` (from 1), `elapsed` seconds after the first began: another
        round at once, another after a wait, or the end."""
        return RoundsOver()

    @property
    def opens(self) -> bool:
        """Whether `opening` is awaited before it plans."""
        return False

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        """What the plan needs of the world (files, the cache …); joins the answers. It is done anew when
        the host is lost meanwhile."""
        return {}

    def closes(self, state: State, answers: Answers) -> bool:
        """Whether `closing` is awaited when its tasks came out as `state`, before it ends so."""
        return False

    async def closing(self, context: Context, done: Done) -> Mapping[str, Json]:
        """The last work: files stored, outputs rendered; what it gives joins the outputs."""
        return {}

    def breaks(self, outputs: Mapping[str, Json]) -> bool:
        """Whether no further lane opens around it, by what `closing` gave."""
        return False

    def gathered(self, lanes: Sequence[LaneEnded], answers: Answers) -> Mapping[str, Json]:
        """Its outputs, when its plan gathers and all lanes that opened have ended."""
        return {}

    def settle(self, state: State) -> State:
        """The task run's state when its tasks came out as `state`."""
        return state

    def finally_plan(self) -> Plan:
        """How `finally` runs: one after another."""
        from .plan import one_lane

        return one_lane([task for task in self.finally_ if not task.disabled])

    def errors_plan(self) -> Plan:
        """How `errors` run: in the mode of the scope; one after another unless overridden."""
        from .plan import one_lane

        return one_lane([task for task in self.errors if not task.disabled])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """An execution that a task or a trigger wants to have started."""

    namespace: str
    flow_id: str
    revision: int | None = None
    inputs: Mapping[str, Json] = field(default_factory=dict)
    labels: Sequence[Mapping[str, str]] = ()
    inherit_labels: bool = False
    schedule_date: str | None = None
    value: str | None = None
    """What tells several children of one task run apart."""


class ExecutableTask(Task):
    """A task that starts other executions."""

    recovers: ClassVar[Recover] = Recover.RESTART
    many: ClassVar[bool] = False
    """Whether they are many, told apart by `value`, a number from 0: they are counted in `iterations`."""
    opens: ClassVar[bool] = False
    """Whether `opening` is awaited before they are known."""

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        """What it needs of the world to say which; joins the answers."""
        return {}

    def begins(self, answers: Answers) -> Mapping[str, Json]:
        """Outputs that are there before the first execution starts."""
        return {}

    def asks(self) -> Mapping[str, Json]:
        return {}

    @abstractmethod
    def executions(self, answers: Answers) -> Sequence[NewExecution]:
        """The executions to start."""

    def waits(self) -> bool:
        """Whether the task run lasts until they have ended."""
        return True

    def transmits(self) -> bool:
        """Whether a child's failure is the task run's."""
        return True

    def restarts_child(self) -> bool:
        """Whether a restart restarts the child that failed, instead of starting another."""
        return False

    def picks(self) -> Mapping[str, Json]:
        """Outputs to render against a child whose flow declares none."""
        return {}

    def receives(self) -> Sequence[str] | None:
        """Names of what is taken over from such a child; `None` = all there is."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What an execution-updating task changes."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Merged into the execution's labels."""
    variables: Mapping[str, Json] | None = None
    """The variables that the execution has set, from now on: all of them."""
    unset: tuple[str, ...] = ()
    """Variables that are no more, the flow's own too; dots lead into maps."""
    outputs: Mapping[str, Json] | None = None
    exit: State | None = None
    """The task run, all its parents and the execution end in this state (Exit)."""


class UpdatingTask(Task):
    """A task that changes the execution itself: done by the machine, without an attempt. Pure."""

    recovers: ClassVar[Recover] = Recover.RESTART

    def asks(self) -> Mapping[str, Json]:
        """Property values to render first."""
        return {}

    @abstractmethod
    def update(self, answers: Answers, variables: Mapping[str, Json]) -> Update:
        """The change; `variables` are those of the execution now. Raises `TaskFailed`."""


def _any_task(value: Any, inward: Any, info: ValidationInfo) -> Task:
    if isinstance(value, Task):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("task_type", "must be a task: a map with `id` and `type`")
    type_name = value.get("type")
    if type_name is None:
        return Hole.model_construct(
            id=value.get("id", ""), description=value.get("description"), disabled=False
        )
    from .find import canonical, find

    found = find("task", str(type_name))
    if found is not None:
        if (name := canonical("task", str(type_name)) or type_name) != type_name:
            value = {**value, "type": name}
        made = cast(Task, found.model_validate(value, context=info.context))
        if made.before or made.after:
            from .around import surrounded

            return surrounded(made)
        return made
    if info.context is not None and info.context.get("dialect") == "seed":
        from .missing import unknown_task

        return unknown_task(value)  # such a flow may be saved and drawn; the task fails when run
    raise PydanticCustomError("invalid_type", "Invalid type: {type}", {"type": str(type_name)})


AnyTask = Annotated[Task, WrapValidator(_any_task)]
"""A task of whatever type its `type` names."""


@cache
def _task_list() -> TypeAdapter[tuple[Task, ...]]:
    return TypeAdapter(tuple[AnyTask, ...])


class DagItem(Written):
    """An entry of a Dag: a task and what must have ended before it."""

    task: AnyTask
    depends_on: tuple[str, ...] = ()


FlowableTask.model_rebuild()
