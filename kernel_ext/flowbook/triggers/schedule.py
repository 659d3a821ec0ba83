"""The next dates of a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice

from .cron import Cron


def next_dates(cron: Cron, zone: tzinfo, after: datetime, count: int = 5) -> list[datetime]:
    """The next few dates."""
    return list(islice(cron.after(after, zone), count))


def dates_between(cron: Cron, zone: tzinfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every date from `start` to `end`, both included."""
    if cron.matches(start, zone) and start <= end:
        yield start.astimezone(zone)
    for date in cron.after(start, zone):
        if date > end:
            return
        yield date
