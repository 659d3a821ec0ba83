"""`core.trigger.ScheduleOnDates`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from functools import cached_property

from pydantic import field_validator

from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.trigger import TimedTrigger
from flowbook.triggers.zones import checked, zone


class ScheduleOnDates(TimedTrigger):
    """Start an execution at each date of a list, once.

    An execution sees nothing of it as `trigger`; conditions and `when` see the date as `trigger.date`.
    """

    dates: Dynamic[tuple[datetime, ...]]
    """The dates, like `2026-12-24T18:00:00+01:00`, in any order; without an offset in `timezone`."""

    _known = field_validator("timezone")(checked)

    @cached_property
    def in_order(self) -> list[datetime]:
        """Each date once, in UTC."""
        place = zone(self.timezone)
        whole = [date if date.tzinfo else date.replace(tzinfo=place) for date in self.dates]
        return sorted({date.astimezone(UTC) for date in whole})

    def due(self, after: datetime) -> datetime | None:
        return self._local(self.in_order[bisect_right(self.in_order, after) :][:1])

    def previous(self, before: datetime) -> datetime | None:
        return self._local(self.in_order[: bisect_left(self.in_order, before)][-1:])

    def _local(self, found: list[datetime]) -> datetime | None:
        return found[0].astimezone(zone(self.timezone)) if found else None

    def variables(
        self, date: datetime, following: datetime | None, preceding: datetime | None
    ) -> dict[str, Json]:
        return {}


TWO_EVENINGS = Example(
    title="On two evenings",
    logs=("The shop is closed",),
    flow="""
id: two-evenings
namespace: demo
tasks:
  - {id: tell, type: io.kestra.plugin.core.log.Log, message: The shop is closed}
triggers:
  - id: evenings
    type: io.kestra.plugin.core.trigger.ScheduleOnDates
    timezone: Europe/Paris
    dates: ["2035-12-24T18:00:00", "2035-12-31T18:00:00"]
""",
)
