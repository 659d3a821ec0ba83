"""Moments moved by Java's units."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flowbook.errors import ExpressionError

from ..values import Value

CLOCK = {
    "MICROS": timedelta(microseconds=1),
    "MILLIS": timedelta(milliseconds=1),
    "SECONDS": timedelta(seconds=1),
    "MINUTES": timedelta(minutes=1),
    "HOURS": timedelta(hours=1),
    "HALF_DAYS": timedelta(hours=12),
}
DAYS = {"DAYS": 1, "WEEKS": 7}
MONTHS = {"MONTHS": 1, "YEARS": 12, "DECADES": 120, "CENTURIES": 1200, "MILLENNIA": 12_000}


def added(start: datetime, amount: Value, unit: str) -> datetime:
    """A moment moved: by the clock up to half days, by the calendar from days on.

    >>> added(datetime(2025, 1, 31, tzinfo=UTC), 1, "MONTHS").date().isoformat()
    '2025-02-28'
    """
    if isinstance(amount, str) and amount.strip().lstrip("+-").isdigit():
        amount = int(amount)
    if type(amount) is not int:
        raise ExpressionError("The amount to add to a date must be a whole number")
    name = unit.upper()
    try:
        if name == "NANOS":
            return _by_clock(start, timedelta(microseconds=amount // 1000))
        if name in CLOCK:
            return _by_clock(start, amount * CLOCK[name])
        if name in DAYS:
            return start + timedelta(days=amount * DAYS[name])
        if name in MONTHS:
            return _by_months(start, amount * MONTHS[name])
    except (OverflowError, ValueError) as error:
        raise ExpressionError(f"The date is out of range: {amount} {name}") from error
    known = ", ".join(["NANOS", *CLOCK, *DAYS, *MONTHS])
    raise ExpressionError(f"No unit of time: {unit!r}; there are {known}")


def _by_clock(start: datetime, step: timedelta) -> datetime:
    return (start.astimezone(UTC) + step).astimezone(start.tzinfo)


def _by_months(start: datetime, months: int) -> datetime:
    years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    first = start.replace(year=years, month=month + 1, day=1)
    last = ((first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    return first.replace(day=min(start.day, last))
