"""Triggers: what starts executions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from .dynamic import Json
from .part import Part
from .task import TaskId


class Trigger(Part):
    """An entry of `triggers`."""

    kind: ClassVar[str] = "trigger"

    id: TaskId
    description: str | None = None
    """What the trigger is for, in Markdown."""
    disabled: bool = False
    """Keep the trigger but never fire it."""
    inputs: Mapping[str, Json] | None = None
    """Values for the inputs of the executions it starts, rendered."""
    labels: Json = None
    """Labels of the executions it starts, rendered."""
    conditions: Json = None
    """Conditions that must all hold when it would fire."""
    when: Json = None
    """An expression that must be true when it would fire."""
    stop_after: Json = None
    """End states of an execution after which the trigger is disabled."""
    worker_group: Json = None
    """The named pool of workers to evaluate it on; one machine has one."""
    worker_selector: Json = None
    """Tags of the workers to evaluate it on; one machine has all."""
    log_level: Json = None
    """The least level of log lines that are kept."""
    min_log_level: Json = None
    """Older name of `logLevel`."""
    log_to_file: bool = False
    """Keep its log in a file of the storage instead of the history."""
    fail_on_trigger_error: bool = False
    """An error while it is evaluated gives a FAILED execution, so that somebody sees it."""
    allow_concurrent: Json = Field(None)
    """Fire though an execution it has started still runs."""
    policy_refs: Json = None
    """Accepted and left alone."""
    assets: Json = None
    """Accepted and left alone."""


class TimedTrigger(Trigger):
    """A trigger that is due at dates."""

    def due(self, after: datetime) -> datetime | None:
        """The first date later than `after` (aware), or `None` if there is none."""
        raise NotImplementedError
