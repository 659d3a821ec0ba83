"""What to do next: the machine says it, the engine does it, and an event comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Level, NewExecution


@dataclass(frozen=True, slots=True)
class Ask:
    """Render these values for a task run (or the root, `""`); comes back as `Answered`."""

    task_run: str
    question: str
    sources: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """Run an attempt; comes back as `AttemptSucceeded`, `AttemptFailed` or `AttemptKilled`."""

    task_run: str
    attempt: int


@dataclass(frozen=True, slots=True)
class KillAttempt:
    """Interrupt an attempt."""

    task_run: str
    attempt: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Say `TimerFired` at this moment."""

    task_run: str
    purpose: str
    due: datetime


@dataclass(frozen=True, slots=True)
class StartExecution:
    """Start another execution; comes back as `ChildStarted`/`ChildRefused`, later `ChildEnded`."""

    task_run: str
    new: NewExecution
    index: int = 0
    again: str | None = None
    """An earlier child that failed: restart it instead, if it can be."""


@dataclass(frozen=True, slots=True)
class KillExecution:
    """Kill an execution that a task run started."""

    execution_id: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line to the log."""

    task_run: str
    level: Level
    message: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Ask whether the flow's concurrency limit lets the execution run; comes back as `Started`
    (admitted), `Queued` or `Refused`."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Start the whole execution again as a new one (retry with CREATE_NEW_EXECUTION), durable with the
    end of this one."""

    attempt_number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The execution has its end state: tell who waits for it."""

    state: State


Command: TypeAlias = (
    Ask
    | RunAttempt
    | KillAttempt
    | SetTimer
    | StartExecution
    | KillExecution
    | Note
    | Admit
    | Replay
    | Ended
)
