"""What follows for a schedule after nothing fired it for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..kinds.trigger import INSTANT, Dates, Recovery


def resume_at(recovery: Recovery, dates: Dates, stored: datetime, now: datetime) -> datetime | None:
    """The next date to fire when evaluation goes on at `now`; `stored` is the one due next before.

    A stored date that is no date of the schedule any more snaps forward.
    """
    due = dates.due(stored - INSTANT)
    if due is None or due > now:
        return due
    match recovery:
        case Recovery.ALL:
            return due
        case Recovery.LAST:
            last = dates.previous(now + INSTANT)
            return max(due, last) if last is not None else due
        case Recovery.NONE:
            return dates.due(now)


def missed(
    recovery: Recovery,
    dates: Dates,
    stored: datetime,
    now: datetime,
    late_maximum_delay: timedelta | None = None,
) -> Iterator[datetime]:
    """The dates up to `now` that are made up for, in their order."""
    date = resume_at(recovery, dates, stored, now)
    if late_maximum_delay is not None and date is not None:
        date = not_older(dates, date, now - late_maximum_delay)
    while date is not None and date <= now:
        yield date
        date = dates.due(date)


def not_older(dates: Dates, date: datetime, limit: datetime) -> datetime | None:
    """The date itself, or the first one that isn't older than the limit."""
    return date if date >= limit else dates.due(limit - INSTANT)
