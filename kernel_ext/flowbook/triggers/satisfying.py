"""The dates of a trigger at which its conditions hold.

Theory of operation: dates are asked one after the other, at most ten years ahead and at most `MOST` of
them. A condition that depends on the day alone is asked once a day, one that can never hold ends the search.
Where the search is given up, `due` gives the date it has come to: whoever waits for it asks there again and
searches on, so no date is missed however rare it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import Enum

from ..kinds.trigger import INSTANT, TimedTrigger

AHEAD = timedelta(days=3653)
"""How far a date is looked for."""
MOST = 100_000
"""Dates in a row that are asked in one search: every hour of ten years, some seconds of work."""


class Answer(Enum):
    """Whether conditions hold at a date."""

    YES = "yes"
    NO = "no"
    NOT_THAT_DAY = "not that day"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Satisfying:
    """Those of a trigger's dates at which its conditions hold."""

    trigger: TimedTrigger
    ask: Callable[[datetime], Answer]
    zone: tzinfo
    """That days begin and end in."""

    def due(self, after: datetime) -> datetime | None:
        """The first such date later than `after`, or one where to ask again; `None` if there is none."""
        found, _ = self._search(after, self.trigger.following, self._next_day)
        return found

    def previous(self, before: datetime) -> datetime | None:
        """The last such date earlier than `before`; `None` also if it is too far to be found."""
        found, is_sure = self._search(before, self.trigger.preceding, self._midnight)
        return found if is_sure else None

    def _search(
        self,
        start: datetime,
        turn: Callable[[datetime], Iterator[datetime]],
        beyond: Callable[[datetime], datetime],
    ) -> tuple[datetime | None, bool]:
        dates, excluded = turn(start), None
        date = None
        for _ in range(MOST):
            date = next(dates, None)
            if date is not None and excluded is not None and self._day(date) == excluded:
                dates = turn(beyond(date))
                date = next(dates, None)
            if date is None or abs(date - start.astimezone(UTC)) > AHEAD:
                return None, True
            match self.ask(date):
                case Answer.YES:
                    return date, True
                case Answer.NEVER:
                    return None, True
                case Answer.NOT_THAT_DAY:
                    excluded = self._day(date)
                case Answer.NO:
                    pass
        return date, False

    def _day(self, date: datetime) -> int:
        return date.astimezone(self.zone).toordinal()

    def _midnight(self, date: datetime, days: int = 0) -> datetime:
        day = date.astimezone(self.zone).date() + timedelta(days=days)
        return datetime.combine(day, time(), self.zone)

    def _next_day(self, date: datetime) -> datetime:
        return self._midnight(date, days=1).astimezone(UTC) - INSTANT
