"""`core.trigger.Schedule`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import ClassVar

from pydantic import ValidationInfo, field_validator

from flowbook.kinds.dynamic import Json, holds_template
from flowbook.kinds.part import Example
from flowbook.kinds.trigger import TimedTrigger
from flowbook.triggers.cron import Cron
from flowbook.triggers.zones import checked, zone


class Schedule(TimedTrigger):
    """Start an execution at dates that a cron text names."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.models.triggers.types.Schedule",)

    with_seconds: bool = False
    """The cron text has six fields, seconds first."""
    cron: str
    """Minute, hour, day of month, month, day of week: `0 7 * * 1-5`; or `@daily`."""
    interval: None = None
    """Must stay empty."""
    backfill: Json = None
    """Dates in the past to make up for when the schedule is new, as `{start, end}`; only where the
    configuration has `flowbook.triggers.yaml-backfill: true`. Otherwise `flowbook triggers backfill` does it."""
    backfills: Json = None
    """Older spelling of `backfill`."""

    @field_validator("cron")
    @classmethod
    def _readable(cls, value: str, info: ValidationInfo) -> str:
        if not holds_template(value):
            Cron.parse(value, bool(info.data.get("with_seconds")))
        return value

    _known = field_validator("timezone")(checked)

    @property
    def rhythm(self) -> dict[str, Json]:
        return {"cron": self.cron, "timezone": self.timezone, "withSeconds": self.with_seconds}

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

    def previous(self, before: datetime) -> datetime | None:
        return self.dates.previous_before(before, self.zone)

    def following(self, moment: datetime) -> Iterator[datetime]:
        return self.dates.after(moment, self.zone)

    def preceding(self, moment: datetime) -> Iterator[datetime]:
        return self.dates.before(moment, self.zone)


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
