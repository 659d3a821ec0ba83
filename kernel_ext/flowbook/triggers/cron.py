"""Cron: a strict reader of ours, then `croniter` in naive local time.

The reader takes exactly what the reference takes (five fields, six only with seconds first; no `L`,
`W`, `#`) and writes every field out as a list, so `croniter` has nothing left to interpret. It is
asked in local time without a zone; a date that doesn't exist there is skipped, one that exists
twice is taken once, the first time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
ITEM = re.compile(r"(\*|\?|[0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?(?:/([0-9]+))?")
UNIX = "minute hour day-of-month month day-of-week"
FAR = 400
"""Dates in a row that a change of clocks may make impossible before there is none."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one place of a cron text may say."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


SECOND = Field("second", 0, 59)
FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day-of-month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day-of-week", 0, 7, DAYS),
)


@dataclass(frozen=True)
class Cron:
    """Dates that repeat by the calendar."""

    text: str
    """As it was written."""
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...] | None
    """Days of the month; `None` = any. With both kinds of days, either may match."""
    months: tuple[int, ...]
    weekdays: tuple[int, ...] | None
    """0 = Sunday; `None` = any."""

    @classmethod
    def parse(cls, text: str, with_seconds: bool = False) -> Cron:
        """The dates a cron text names. Raises `ValueError` that says which part is wrong."""
        try:
            return _parse(text, with_seconds)
        except ValueError as error:
            raise ValueError(f"invalid cron expression '{text}': {error}") from None

    @classmethod
    def parse_any(cls, text: str) -> tuple[Cron, bool]:
        """A cron text of five or six fields, and whether the first of them are seconds."""
        with_seconds = len(text.split()) == 6
        return cls.parse(text, with_seconds), with_seconds

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first date later than `moment` (aware), in `zone`; `None` if there is none."""
        return next(self.after(moment, zone), None)

    def previous_before(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The last date earlier than `moment` (aware), in `zone`; `None` if there is none."""
        return next(self.before(moment, zone), None)

    def after(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        """All dates later than `moment`, in order; far quicker than asking for one after the other."""
        return self._dates(moment, zone, "get_next")

    def before(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        """All dates earlier than `moment`, the latest first."""
        return self._dates(moment, zone, "get_prev")

    def matches(self, moment: datetime, zone: tzinfo) -> bool:
        """Whether `moment` is one of the dates."""
        local = moment.astimezone(zone)
        weekday = (local.weekday() + 1) % 7
        return (
            not local.microsecond
            and not local.fold
            and local.second in self.seconds
            and local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and self._on_day(local.day, weekday)
        )

    def _on_day(self, day: int, weekday: int) -> bool:
        if self.days is None or self.weekdays is None:
            return (self.days is None or day in self.days) and (
                self.weekdays is None or weekday in self.weekdays
            )
        return day in self.days or weekday in self.weekdays

    def _dates(self, moment: datetime, zone: tzinfo, turn: str) -> Iterator[datetime]:
        from croniter import CroniterBadDateError

        local = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        forward = turn == "get_next"
        start = local.replace(microsecond=0)
        if not forward and local != start:
            from datetime import timedelta

            start += timedelta(seconds=1)
        source = self._iterator(start)
        skipped = 0
        while skipped < FAR:
            try:
                naive: datetime = getattr(source, turn)(datetime)
            except (CroniterBadDateError, OverflowError, ValueError):
                return
            date = naive.replace(tzinfo=zone, fold=0)
            instant = date.astimezone(UTC)
            exists = instant.astimezone(zone).replace(tzinfo=None) == naive
            later = instant > moment if forward else instant < moment
            if exists and later:
                skipped = 0
                yield date
            else:
                skipped += 1

    def _iterator(self, start: datetime) -> Any:
        from croniter import croniter

        return croniter(self._plain, start, max_years_between_matches=50)

    @cached_property
    def _plain(self) -> str:
        """Every field written out, seconds last, as `croniter` wants them."""
        fields = (self.minutes, self.hours, self.days, self.months, self.weekdays, self.seconds)
        texts = ["*" if field is None else ",".join(map(str, field)) for field in fields]
        return " ".join(texts[:5] if self.seconds == (0,) else texts)


def _parse(text: str, with_seconds: bool) -> Cron:
    written = text.strip()
    if written.startswith("@"):
        if written.lower() not in NICKNAMES:
            known = ", ".join(NICKNAMES)
            raise ValueError(f"'{written}' is not one of {known}")
        parts = NICKNAMES[written.lower()].split()
    else:
        parts = written.split()
        if with_seconds and len(parts) != 6:
            raise ValueError(
                f"with `withSeconds` it needs 6 fields (second {UNIX}), but has {len(parts)}"
            )
        if not with_seconds and len(parts) != 5:
            more = " (set `withSeconds: true` for leading seconds)" if len(parts) == 6 else ""
            raise ValueError(f"it needs 5 fields ({UNIX}), but has {len(parts)}{more}")
    seconds = _values(SECOND, parts.pop(0)) if len(parts) == 6 else (0,)
    minutes, hours, days, months, weekdays = (
        _values(field, part) for field, part in zip(FIELDS, parts, strict=True)
    )
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    return Cron(
        text,
        seconds,
        minutes,
        hours,
        None if len(days) == 31 else days,
        months,
        None if len(weekdays) == 7 else weekdays,
    )


def _values(field: Field, text: str) -> tuple[int, ...]:
    """Every value that one field names, in order."""
    found: set[int] = set()
    for item in text.split(","):
        matched = ITEM.fullmatch(item)
        if matched is None:
            raise ValueError(f"'{item}' can't be read as {field.name}")
        first, last, step = matched.groups()
        if first in {"*", "?"}:
            if last is not None:
                raise ValueError(f"'{item}' can't be read as {field.name}")
            low, high = field.least, field.most
        else:
            low = _number(field, first)
            high = _number(field, last) if last else (field.most if step else low)
            if low > high:
                raise ValueError(f"{field.name} {first}-{last} runs backwards")
        if step is not None and not 0 < int(step) <= field.most:
            raise ValueError(f"step {step} of {field.name} is not between 1 and {field.most}")
        found.update(range(low, high + 1, int(step or 1)))
    return tuple(sorted(found))


def _number(field: Field, text: str) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.least
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"'{text}' is not a {field.name}")
    if not field.least <= int(text) <= field.most:
        raise ValueError(f"{field.name} {text} is not between {field.least} and {field.most}")
    return int(text)
