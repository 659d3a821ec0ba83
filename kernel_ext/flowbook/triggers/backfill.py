"""A series of a trigger's dates in the past that are made up for, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import takewhile
from typing import Any

from ..kinds.dynamic import Json
from ..kinds.trigger import INSTANT, Dates, TimedTrigger

MANY = 5_000
"""Dates that somebody should agree to before they run."""
MOST = 100_000
"""Dates a backfill has at most."""
WRITTEN = "2026-01-31 or 2026-01-31T07:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Where a backfill stands, as it is kept with its trigger."""

    id: str
    start: datetime
    end: datetime
    current: datetime
    """The date that comes next."""
    paused: bool = False
    done: int = 0
    """Dates it has come past."""
    total: int = 0
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """Laid over the trigger's."""
    labels: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> Backfill | None:
        """What the history keeps; `None` while there is none."""
        if not kept:
            return None
        return cls(
            id=kept["id"],
            start=datetime.fromisoformat(kept["start"]),
            end=datetime.fromisoformat(kept["end"]),
            current=datetime.fromisoformat(kept["currentDate"]),
            paused=bool(kept["paused"]),
            done=int(kept["done"]),
            total=int(kept["total"]),
            inputs=kept["inputs"] or {},
            labels=kept["labels"] or {},
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "start": _utc(self.start),
            "end": _utc(self.end),
            "currentDate": _utc(self.current),
            "paused": self.paused,
            "done": self.done,
            "total": self.total,
            "inputs": dict(self.inputs),
            "labels": dict(self.labels),
        }

    def next_in(self, dates: Dates) -> datetime | None:
        """The date to fire next; `None` if there is no more."""
        return self.within(dates.due(self.current - INSTANT))

    def within(self, moment: datetime | None) -> datetime | None:
        """A date, unless it lies behind the end."""
        return moment if moment is not None and moment <= self.end else None


def dates_from(trigger: TimedTrigger, start: datetime, end: datetime) -> Iterator[datetime]:
    """The dates from `start` to `end`, both included, whatever its conditions say."""
    return takewhile(lambda found: found <= end, trigger.following(start - INSTANT))


def first_moment(given: str | date, zone: tzinfo) -> datetime:
    """Where a backfill begins: a day at its midnight; what names no zone is meant in `zone`.

    Raises `ValueError`.
    """
    return _moment(given, zone)[0]


def last_moment(given: str | date | None, zone: tzinfo, now: datetime) -> datetime:
    """Where it ends: now if nothing is said; a day is meant whole, today as far as it has come.

    Raises `ValueError`.
    """
    if given is None:
        return now
    moment, is_day = _moment(given, zone)
    if not is_day:
        return moment
    following = datetime.combine(moment.date() + timedelta(days=1), time(), zone)
    whole = following.astimezone(UTC) - INSTANT
    return min(whole, now) if moment <= now else whole


def _moment(given: str | date, zone: tzinfo) -> tuple[datetime, bool]:
    """The moment, and whether only a day was given."""
    if isinstance(given, str):
        try:
            read = datetime.fromisoformat(given.strip())
        except ValueError:
            raise ValueError(f"'{given}' is no date: write it like {WRITTEN}") from None
        is_day = len(given.strip()) <= len("2026-01-31")
    else:
        is_day = not isinstance(given, datetime)
        read = datetime.combine(given, time()) if not isinstance(given, datetime) else given
    return (read if read.tzinfo else read.replace(tzinfo=zone)), is_day


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
