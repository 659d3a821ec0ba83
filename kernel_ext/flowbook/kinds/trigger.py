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
    disabled: bool = False
    """Keep the trigger but never fire it."""
    inputs: Mapping[str, Json] | None = None
    """Values for the inputs of the executions it starts, rendered."""
    labels: Json = None
    conditions: Json = None
    when: Json = None
    stop_after: Json = None
    worker_group: Json = None
    worker_selector: Json = None
    log_level: Json = None
    min_log_level: Json = None
    """Older name of `logLevel`."""
    log_to_file: bool = False
    fail_on_trigger_error: bool = False
    """An error while it is evaluated gives a FAILED execution, so that somebody sees it."""
    allow_concurrent: Json = Field(None)
    policy_refs: Json = None
    assets: Json = None


class TimedTrigger(Trigger):
    """A trigger that is due at dates."""

    def due(self, after: datetime) -> datetime | None:
        """The first date later than `after` (aware), or `None` if there is none."""
        raise NotImplementedError
