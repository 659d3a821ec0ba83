"""Triggers: what starts executions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Protocol, Self

from pydantic import Field, ValidationError

from .durations import Duration
from .dynamic import Json, Template, holds_template
from .part import Part
from .task import TaskId

INSTANT = timedelta(microseconds=1)
LONGEST = timedelta(days=36_525)
"""How far back a date is looked for."""


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


class Recovery(StrEnum):
    """Which of the dates that passed without a server are made up for."""

    ALL = "ALL"
    LAST = "LAST"
    NONE = "NONE"

    @classmethod
    def _missing_(cls, value: object) -> Recovery | None:
        return cls.__members__.get(str(value).upper())


class Dates(Protocol):
    """Dates as something to ask; all are aware."""

    def due(self, after: datetime, /) -> datetime | None:
        """The first date later than `after`, or `None` if there is none."""
        ...

    def previous(self, before: datetime, /) -> datetime | None:
        """The last date earlier than `before`, or `None` if there is none."""
        ...


class TimedTrigger(Trigger):
    """A trigger that is due at dates: `due` is all it has to say."""

    timezone: str | None = None
    """The zone the dates are meant in, like `Europe/Paris`; the machine's own if none is given."""
    late_maximum_delay: Duration | None = None
    """Dates that are later than this when they could fire are left out."""
    recover_missed_schedules: Recovery | None = None
    """After a time without a server: ALL missed dates, the LAST of them, or NONE."""
    schedule_conditions: Json = None
    """Older name of `conditions`."""

    def due(self, after: datetime) -> datetime | None:
        """The first date later than `after` (aware), or `None` if there is none."""
        raise NotImplementedError

    def previous(self, before: datetime) -> datetime | None:
        """The last date earlier than `before`; without a quicker way, found by asking `due`."""
        before = before.astimezone(UTC)  # where a day is as long as any other
        low, step = before - INSTANT, INSTANT
        while not self._is_before(self.due(low), before):
            if step > LONGEST:
                return None
            low, step = before - step, step * 2
        high = before
        while high - low > INSTANT:
            middle = low + (high - low) / 2
            low, high = (
                (middle, high) if self._is_before(self.due(middle), before) else (low, middle)
            )
        return self.due(low)

    @staticmethod
    def _is_before(date: datetime | None, moment: datetime) -> bool:
        return date is not None and date < moment

    def following(self, moment: datetime) -> Iterator[datetime]:
        """All dates later than `moment`, in order."""
        date = self.due(moment)
        while date is not None:
            yield date
            date = self.due(date)

    def preceding(self, moment: datetime) -> Iterator[datetime]:
        """All dates earlier than `moment`, the latest first."""
        date = self.previous(moment)
        while date is not None:
            yield date
            date = self.previous(date)

    def variables(
        self, date: datetime, following: datetime | None, preceding: datetime | None
    ) -> dict[str, Json]:
        """What expressions see as `trigger` in an execution of this date, between two others that fire."""
        found = {"date": date, "next": following, "previous": preceding}
        return {name: value.isoformat() for name, value in found.items() if value is not None}

    @property
    def rhythm(self) -> dict[str, Json]:
        """What the dates follow from, as JSON: when it changes they begin anew."""
        return self.model_dump(mode="json", by_alias=True, include=self._own())

    @property
    def templates(self) -> dict[str, Json]:
        """Properties that must be rendered before there are dates: see `rendered`."""
        values = {name: getattr(self, name) for name in self._own()}
        sources = {n: v.source if isinstance(v, Template) else v for n, v in values.items()}
        return {name: value for name, value in sources.items() if holds_template(value)}

    def rendered(self, values: Mapping[str, Json]) -> Self:
        """The same trigger with its templates rendered. Raises `ValueError` for a bad value."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        try:
            return self.model_validate({**given, **values})
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(str(first.get("ctx", {}).get("error", first["msg"]))) from None

    @classmethod
    def _own(cls) -> set[str]:
        """The properties that say when."""
        return {name for name in cls.model_fields if name not in BESIDE}


BESIDE = {*Trigger.model_fields, *TimedTrigger.model_fields} - {"timezone"}
"""Properties of triggers that say nothing about when."""
