"""What a flow says, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from ..kinds.durations import Duration
from ..kinds.dynamic import Json
from ..kinds.input import INPUT_ID, AnyInput, Input, text
from ..kinds.part import Written
from ..kinds.retry import Retry
from ..kinds.task import AnyTask, Hole, Level, Recover, Task
from ..kinds.trigger import Trigger

__all__ = ["Check", "Concurrency", "Flow", "FlowOutput", "Input", "Label", "Listener", "Sla"]

FLOW_ID = r"^[a-zA-Z0-9][a-zA-Z0-9._-]*"
NAMESPACE = r"^[a-z0-9][a-z0-9._-]*"
Dialect = Literal["kestra", "seed"]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class Label(Written):
    """One label: a key and a text."""

    key: str
    value: Annotated[str, BeforeValidator(text)]


def _labels(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [{"key": key, "value": item} for key, item in value.items()]
    return value


class FlowOutput(Written):
    """A value that an execution hands back."""

    id: Annotated[str, StringConstraints(pattern=INPUT_ID)]
    type: Annotated[str | None, BeforeValidator(_upper)] = None
    """How the value is read and checked: a type of input; none keeps it as rendered."""
    value: Json = None
    """The value, rendered when the execution ends."""
    description: str | None = None
    display_name: str | None = None
    required: bool = True


class QueueBehavior(StrEnum):
    """What becomes of an execution above the limit."""

    QUEUE = "QUEUE"
    CANCEL = "CANCEL"
    FAIL = "FAIL"


class Concurrency(Written):
    """How many executions of the flow run at once."""

    limit: Annotated[int, Field(ge=1)]
    behavior: Annotated[QueueBehavior, BeforeValidator(_upper)] = QueueBehavior.QUEUE


class Sla(Written):
    """A promise about executions, and what follows when it is broken."""

    id: str
    type: Annotated[
        Literal["MAX_DURATION", "EXECUTION_ASSERTION"],
        BeforeValidator(lambda v: v.rpartition(".")[2].upper() if isinstance(v, str) else v),
    ]
    behavior: Annotated[Literal["FAIL", "CANCEL", "NONE"], BeforeValidator(_upper)]
    labels: Annotated[tuple[Label, ...], BeforeValidator(_labels)] = ()
    duration: Duration | None = None
    assert_: str | None = Field(None, alias="assert")


class Check(Written):
    """A question asked before an execution is created."""

    when: Annotated[str, BeforeValidator(text)] = Field(
        validation_alias=AliasChoices("when", "condition")
    )
    message: str
    style: Annotated[Literal["ERROR", "SUCCESS", "WARNING", "INFO"], BeforeValidator(_upper)] = (
        "INFO"
    )
    behavior: Annotated[
        Literal["BLOCK_EXECUTION", "FAIL_EXECUTION", "CREATE_EXECUTION"], BeforeValidator(_upper)
    ] = "BLOCK_EXECUTION"


class Listener(Written):
    """Tasks that run after an execution, if all conditions hold."""

    description: str | None = None
    conditions: tuple[Json, ...] = ()
    tasks: Annotated[tuple[AnyTask, ...], Field(min_length=1)]


class PluginDefault(Written):
    """Values for every part of a type; merged into the text's values before a flow is read."""

    type: str = ""
    forced: bool = False
    values: Mapping[str, Json] = Field(default_factory=dict)
    ref: str | None = None


class Retention(Written):
    """How long history of the flow is kept."""

    executions: Duration | None = None
    logs: Duration | None = None


def _any_trigger(value: Any, inward: Any) -> Trigger:
    if isinstance(value, Trigger):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("trigger_type", "must be a trigger: a map with `id` and `type`")
    from ..kinds.find import canonical, find

    type_name = value.get("type")
    found = find("trigger", str(type_name))
    if found is None and type_name is not None:
        raise PydanticCustomError("invalid_type", "Invalid type: {type}", {"type": str(type_name)})
    if (name := canonical("trigger", str(type_name)) or type_name) != type_name:
        value = {**value, "type": name}
    made = (found or Trigger).model_validate(value)
    assert isinstance(made, Trigger)
    return made


AnyTrigger = Annotated[Trigger, WrapValidator(_any_trigger)]
"""A trigger of whatever type its `type` names."""


class Flow(Written):
    """One flow, as its text says it."""

    id: Annotated[str, StringConstraints(pattern=FLOW_ID + "$", min_length=1, max_length=100)]
    """The flow's id, unique in its namespace."""
    namespace: Annotated[
        str, StringConstraints(pattern=NAMESPACE + "$", min_length=1, max_length=150)
    ]
    """The dotted group the flow belongs to."""
    revision: Annotated[int | None, Field(ge=1)] = None
    """Given by the history when the flow is saved."""
    description: str | None = None
    """What the flow is for, in Markdown."""
    documentation: str | None = None
    """A further page in Markdown."""
    labels: Annotated[tuple[Label, ...], BeforeValidator(_labels)] = ()
    """Carried by every execution of the flow."""
    inputs: tuple[AnyInput, ...] = ()
    """Values an execution is started with."""
    outputs: tuple[FlowOutput, ...] = ()
    """Values an execution hands back."""
    variables: Mapping[str, Json] = Field(default_factory=dict)
    """Values that expressions read as `vars`."""
    tasks: tuple[AnyTask, ...] = ()
    """What the flow does, one after another."""
    errors: tuple[AnyTask, ...] = ()
    """Tasks that run when one of the flow's failed."""
    finally_: tuple[AnyTask, ...] = Field((), alias="finally")
    """Tasks that run at the end, whatever happened."""
    after_execution: tuple[AnyTask, ...] = ()
    """Tasks that run when the execution has its final state."""
    listeners: tuple[Listener, ...] = ()
    """Older way to run tasks after an execution."""
    triggers: tuple[AnyTrigger, ...] = ()
    """What starts executions of the flow."""
    plugin_defaults: tuple[PluginDefault, ...] = ()
    """Values for every task or trigger of a type."""
    task_defaults: Json = None
    """Older name of `pluginDefaults`."""
    concurrency: Concurrency | None = None
    """How many executions run at once."""
    retry: Retry | None = None
    """When a failed execution is made again."""
    sla: tuple[Sla, ...] = ()
    """Promises about duration and state."""
    checks: tuple[Check, ...] = ()
    """Questions asked before an execution is created."""
    quotas: Json = None
    """Accepted and left alone."""
    policy_refs: Json = None
    """Accepted and left alone."""
    timeout: Duration | None = None
    """The longest an execution may take."""
    disabled: bool = False
    """Keep the flow but never run it."""
    deleted: bool = False
    tenant_id: Json = None
    recover: Recover | None = None
    """What follows when the host that ran one of its tasks is lost."""
    retention: Retention | None = None
    """How long history of the flow is kept."""
    worker_group: Json = None
    worker_selector: Json = None
    log_level: Level | None = None
    """The least level of log lines that are kept."""
    dialect: Dialect = "kestra"
    """Which reading applies where Kestra and older documents differ."""
    draft: bool = False
    created: Json = None
    updated: Json = None
    updated_by: Json = None

    _source: str = PrivateAttr("")
    _name: str = PrivateAttr("<flow>")
    _folder: Path | None = PrivateAttr(None)
    _holes: tuple[str, ...] = PrivateAttr(())

    @property
    def uid(self) -> str:
        """Namespace and id: `demo.greet`."""
        return f"{self.namespace}.{self.id}"

    @property
    def source(self) -> str:
        """The text the flow was read from, verbatim."""
        return self._source

    @property
    def name(self) -> str:
        """What the text is called in messages: a path, `<cell>` …"""
        return self._name

    @property
    def folder(self) -> Path | None:
        """The folder of the flow's file; `None` for a flow without one."""
        return self._folder

    @property
    def holes(self) -> tuple[str, ...]:
        """What is still missing in a draft: `tasks[0].type: missing, …`."""
        return self._holes

    @property
    def is_draft(self) -> bool:
        """Whether the flow may be saved and drawn, but not run."""
        return bool(self._holes)

    def task(self, task_id: str) -> Task:
        """A task anywhere in the flow, or in a template by `template/task`. Raises `KeyError`."""
        return self.index[task_id]

    def by_id(self) -> Mapping[str, Task]:
        """Every task by its id, indexed once."""
        return self.index

    @cached_property
    def index(self) -> Mapping[str, Task]:
        """See `by_id`. An attribute of its own: a private one takes pydantic 3 µs to find."""
        written = list(self.all_tasks())
        made = [one for task in written for one in task.made()]
        return {str(task.id): task for task in reversed([*written, *made])}

    def with_task(self, task: Task, place: str) -> Flow:
        """The flow with a task in a place, and those inside it found below that; its text stays as it is.

        By their ids alone they are found too, unless the flow has tasks with these ids itself.
        """
        copy = self.model_copy()
        found = list(_deep(tuple(task.children())))
        inside = {str(one.id): one for each in found for one in (each, *each.made())}
        below = {f"{place}/{name}": one for name, one in inside.items()}
        copy.__dict__["index"] = {**inside, **self.index, **below, place: task}
        return copy

    def all_tasks(self) -> Iterator[Task]:
        """Every task at any depth, each before the ones inside it, in the order of the text."""
        for tasks in self.scopes().values():
            yield from _deep(tasks)

    def scopes(self) -> Mapping[str, Sequence[Task]]:
        """The lists of tasks at the root, by the name of their property."""
        return {
            "tasks": self.tasks,
            "errors": self.errors,
            "finally": self.finally_,
            "afterExecution": self.after_execution,
            "listeners": tuple(task for listener in self.listeners for task in listener.tasks),
        }

    @property
    def declared(self) -> tuple[Input, ...]:
        """Every input that has a value, those of groups by their full ids."""
        return tuple(member for each in self.inputs for member in each.members())

    def input(self, input_id: str) -> Input | None:
        """The declaration of an input."""
        return next((each for each in self.declared if each.id == input_id), None)

    def trigger(self, trigger_id: str) -> Trigger | None:
        """A trigger by its id."""
        return next((trigger for trigger in self.triggers if trigger.id == trigger_id), None)

    def label_map(self) -> dict[str, str]:
        """Labels by key; of several with one key the first counts (seed: the last)."""
        labels = self.labels if self.dialect == "seed" else tuple(reversed(self.labels))
        return {label.key: label.value for label in labels}


def _deep(tasks: Sequence[Task]) -> Iterator[Task]:
    for task in tasks:
        yield task
        if not isinstance(task, Hole):
            for inner in task.branches().values():
                yield from _deep(inner)


def placed(
    flow: Flow, *, source: str, name: str, folder: Path | None, holes: Sequence[str]
) -> Flow:
    """The flow with what isn't in its document: where it came from, and what it still lacks."""
    flow._source = source
    flow._name = name
    flow._folder = folder
    flow._holes = tuple(holes)
    return flow
