"""What happened. An event's class is also its stored form; fields are added with defaults, never renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """An execution exists, with all that was decided before it."""

    kind: Literal["created"] = "created"
    at: datetime
    namespace: str
    flow_id: str
    revision: int
    draft: bool = False
    inputs: Mapping[str, Json] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()
    trigger: Mapping[str, Json] | None = None
    variables: Mapping[str, Json] = field(default_factory=dict)
    parent_id: str | None = None
    original_id: str = ""
    attempt_number: int = 1
    original_date: datetime | None = None
    """When the first of the executions that this one tries again was created."""
    schedule_date: datetime | None = None
    execution_kind: str = "NORMAL"
    only: tuple[str, ...] | None = None
    recorded: Mapping[str, Json] = field(default_factory=dict)
    """Outputs that stand for tasks which `only` passes over, by task id."""
    recorded_from: str | None = None
    """The execution they are of."""
    copied: Sequence[Mapping[str, Json]] = ()
    """Task runs taken over from another execution (replay)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The execution may run: its date has come and, once `admitted`, no limit holds it."""

    kind: Literal["started"] = "started"
    at: datetime
    admitted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The flow's concurrency limit holds the execution back."""

    kind: Literal["queued"] = "queued"
    at: datetime
    running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The execution ends without running: limit, quota, check, a trigger that could not render."""

    kind: Literal["refused"] = "refused"
    at: datetime
    state: State
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question of the machine has its answer: rendered values by name."""

    kind: Literal["answered"] = "answered"
    at: datetime
    task_run: str
    question: str
    answers: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFailed:
    """A question could not be rendered."""

    kind: Literal["answer_failed"] = "answer_failed"
    at: datetime
    task_run: str
    question: str
    error: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSucceeded:
    """An attempt ended well; `state` is WARNING where the task says so."""

    kind: Literal["attempt_succeeded"] = "attempt_succeeded"
    at: datetime
    task_run: str
    attempt: int
    outputs: Mapping[str, Json] | None = None
    state: State = State.SUCCESS
    cache: Mapping[str, Json] | None = None
    """Whether an earlier result was served, and why it wasn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """An attempt failed: an exception, a timeout, a planned failure; what it handed out is kept."""

    kind: Literal["attempt_failed"] = "attempt_failed"
    at: datetime
    task_run: str
    attempt: int
    error: Mapping[str, Json]
    outputs: Mapping[str, Json] | None = None
    final: bool = False
    """No retry, whatever the task says."""
    cache: Mapping[str, Json] | None = None
    """Why no earlier result was served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKilled:
    """An attempt was interrupted, or its host is gone (`host lost`)."""

    kind: Literal["attempt_killed"] = "attempt_killed"
    at: datetime
    task_run: str
    attempt: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A moment that was waited for has come."""

    kind: Literal["timer_fired"] = "timer_fired"
    at: datetime
    task_run: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted:
    """A task run has started another execution."""

    kind: Literal["child_started"] = "child_started"
    at: datetime
    task_run: str
    execution_id: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRefused:
    """An execution that a task run wanted could not be started."""

    kind: Literal["child_refused"] = "child_refused"
    at: datetime
    task_run: str
    error: Mapping[str, Json]
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnded:
    """An execution that a task run waits for has ended."""

    kind: Literal["child_ended"] = "child_ended"
    at: datetime
    task_run: str
    execution_id: str
    state: State
    outputs: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None
    """Its outputs could not be rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillRequested:
    """Somebody wants the execution ended; `state` is what it ends as (an SLA may say FAILED)."""

    kind: Literal["kill_requested"] = "kill_requested"
    at: datetime
    by: str = ""
    cascade: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRequested:
    """Somebody wants nothing new started."""

    kind: Literal["pause_requested"] = "pause_requested"
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRequested:
    """Somebody wants a paused execution to go on; `inputs` answer the pause's `onResume`."""

    kind: Literal["resume_requested"] = "resume_requested"
    at: datetime
    task_run: str | None = None
    inputs: Mapping[str, Json] = field(default_factory=dict)
    by: str = ""
    state: State = State.SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequested:
    """Somebody wants the failed task runs tried again.

    With `continue_from`, a cell of the notebook that `task_run` is, that one goes on there, in its parked
    kernel and with `edits`; without it, `task_run` is the only one tried again.
    """

    kind: Literal["restart_requested"] = "restart_requested"
    at: datetime
    by: str = ""
    task_run: str | None = None
    continue_from: int | None = None
    edits: tuple[Mapping[str, Json], ...] = ()
    """`cell id before after` of each cell that differs from the notebook's source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Somebody gave a task run another end state; the flow goes on after it."""

    kind: Literal["marked"] = "marked"
    at: datetime
    task_run: str
    state: State
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """Somebody gave the ended execution another end state."""

    kind: Literal["status_changed"] = "status_changed"
    at: datetime
    state: State
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsSet:
    """The labels that are no system labels are now these."""

    kind: Literal["labels_set"] = "labels_set"
    at: datetime
    labels: tuple[tuple[str, str], ...]
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLost:
    """Another host drives the execution now: what the dead one ran is lost."""

    kind: Literal["host_lost"] = "host_lost"
    at: datetime
    host: str
    by: str = ""
    left: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Outputs that its attempts left, by task run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFailed:
    """The engine met an error of its own while it drove the execution."""

    kind: Literal["engine_failed"] = "engine_failed"
    at: datetime
    error: Mapping[str, Json]


Event: TypeAlias = (
    Created
    | Started
    | Queued
    | Refused
    | Answered
    | AnswerFailed
    | AttemptSucceeded
    | AttemptFailed
    | AttemptKilled
    | TimerFired
    | ChildStarted
    | ChildRefused
    | ChildEnded
    | KillRequested
    | PauseRequested
    | ResumeRequested
    | RestartRequested
    | Marked
    | StatusChanged
    | LabelsSet
    | HostLost
    | EngineFailed
)


@cache
def _adapter() -> TypeAdapter[Event]:
    return TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def to_json(event: Event) -> dict[str, Any]:
    """The stored form."""
    stored: dict[str, Any] = _adapter().dump_python(event, mode="json", exclude_defaults=True)
    stored["kind"] = event.kind
    return stored


def from_json(payload: Mapping[str, Json]) -> Event:
    """The event of a stored form; unknown fields of newer versions are left alone."""
    return _adapter().validate_python(payload)
