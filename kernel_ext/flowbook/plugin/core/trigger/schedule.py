"""`core.trigger.Schedule`."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator

from flowbook.kinds.durations import Duration
from flowbook.kinds.dynamic import Json, holds_template
from flowbook.kinds.part import Example
from flowbook.kinds.trigger import TimedTrigger
from flowbook.triggers.cron import Cron
from flowbook.triggers.missed import Recovery
from flowbook.triggers.zones import zone


class Schedule(TimedTrigger):
    """Start an execution at dates that a cron text names."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.models.triggers.types.Schedule",)

    with_seconds: bool = False
    """The cron text has six fields, seconds first."""
    cron: str
    """Minute, hour, day of month, month, day of week: `0 7 * * 1-5`; or `@daily`."""
    timezone: str | None = None
    """The zone the dates are meant in, like `Europe/Paris`; the machine's own if none is given."""
    late_maximum_delay: Duration | None = None
    """Dates that are later than this when they could fire are left out."""
    recover_missed_schedules: Recovery | None = None
    """After a time without a server: ALL missed dates, the LAST of them, or NONE."""
    schedule_conditions: Json = None
    """Older name of `conditions`."""
    interval: None = None
    """Must stay empty."""
    backfill: Json = None
    """Dates in the past to make up for, as `{start, end}`."""
    backfills: Json = None
    """Older spelling of `backfill`."""

    @field_validator("cron")
    @classmethod
    def _readable(cls, value: str, info: ValidationInfo) -> str:
        if not holds_template(value):
            Cron.parse(value, bool(info.data.get("with_seconds")))
        return value

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and not holds_template(value):
            zone(value)
        return value

    @property
    def holds_template(self) -> bool:
        """Whether cron or time zone must be rendered before there are dates: see `rendered`."""
        return holds_template(self.cron) or holds_template(self.timezone)

    def rendered(self, cron: str, timezone: str | None = None) -> Schedule:
        """The same schedule with its templates rendered. Raises `ValueError` for a bad one."""
        Cron.parse(cron, self.with_seconds)
        zone(timezone)
        return self.model_copy(update={"cron": cron, "timezone": timezone})

    @property
    def dates(self) -> Cron:
        """The dates as something to ask. Raises `ValueError` while the text is a template."""
        return Cron.parse(self.cron, self.with_seconds)

    @property
    def zone(self) -> tzinfo:
        """The zone the dates are meant in."""
        return zone(self.timezone)

    def due(self, after: datetime) -> datetime | None:
        return self.dates.next_after(after, self.zone)

    def variables(self, date: datetime) -> dict[str, Any]:
        """What expressions see as `trigger` in an execution of this date."""
        values = {
            "date": date.astimezone(self.zone),
            "next": self.dates.next_after(date, self.zone),
            "previous": self.dates.previous_before(date, self.zone),
        }
        return {name: value.isoformat() for name, value in values.items() if value is not None}


EVERY_MORNING = Example(
    title="Every working day at seven in Paris",
    logs=("Good morning",),
    flow="""
id: every-morning
namespace: demo
tasks:
  - {id: greet, type: io.kestra.plugin.core.log.Log, message: Good morning}
triggers:
  - id: mornings
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 7 * * 1-5"
    timezone: Europe/Paris
""",
)
