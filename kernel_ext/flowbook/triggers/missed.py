"""What follows for a schedule after nothing fired it for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from .cron import Cron


class Recovery(StrEnum):
    """Which of the dates that passed meanwhile are made up for."""

    ALL = "ALL"
    LAST = "LAST"
    NONE = "NONE"

    @classmethod
    def _missing_(cls, value: object) -> Recovery | None:
        return cls.__members__.get(str(value).upper())


def resume_at(
    recovery: Recovery, cron: Cron, zone: tzinfo, stored: datetime, now: datetime
) -> datetime | None:
    """The next date to fire when evaluation goes on at `now`; `stored` is the one due next before.

    A stored date that is no date of the schedule any more snaps forward.
    """
    due = stored if cron.matches(stored, zone) else cron.next_after(stored, zone)
    if due is None or due > now:
        return due
    match recovery:
        case Recovery.ALL:
            return due
        case Recovery.LAST:
            last = now if cron.matches(now, zone) else cron.previous_before(now, zone)
            return max(due, last) if last is not None else due
        case Recovery.NONE:
            return cron.next_after(now, zone)


def missed(
    recovery: Recovery,
    cron: Cron,
    zone: tzinfo,
    stored: datetime,
    now: datetime,
    late_maximum_delay: timedelta | None = None,
) -> Iterator[datetime]:
    """The dates up to `now` that are made up for, in their order."""
    date = resume_at(recovery, cron, zone, stored, now)
    if late_maximum_delay is not None and date is not None:
        date = not_older(cron, zone, date, now - late_maximum_delay)
    while date is not None and date <= now:
        yield date
        date = cron.next_after(date, zone)


def not_older(cron: Cron, zone: tzinfo, date: datetime, limit: datetime) -> datetime | None:
    """The date itself, or the first one that isn't older than the limit."""
    if date >= limit:
        return date
    return cron.next_after(limit - timedelta(microseconds=1), zone)
