"""Functions that ask what kind of day a date is."""

from __future__ import annotations

from datetime import date as Date
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from flowbook.errors import ExpressionError

from ..registry import function_
from ..values import Value

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
POSITIONS = ("FIRST", "SECOND", "THIRD", "FOURTH")


def _local(value: Value) -> datetime:
    """A date in its own zone; without one, in the server's."""
    from ..dates.read import from_text, moment

    if isinstance(value, str):
        try:
            found = from_text(value.strip())
        except ValueError:
            return moment(value)
        return found if found.tzinfo is not None else moment(value)
    return value if isinstance(value, datetime) and value.tzinfo is not None else moment(value)


def _day_number(name: Value) -> int:
    if (upper := str(name).strip().upper()) not in DAYS:
        raise ExpressionError(f"No day of the week: {name!r}; there are {', '.join(DAYS)}")
    return DAYS.index(upper)


@function_("isWeekend")
def is_weekend(date: Value) -> bool:
    """Whether a date is a Saturday or a Sunday.

    >>> show("{{ isWeekend('2026-03-07T10:00:00Z') }}")
    'true'
    """
    return _local(date).weekday() >= 5


@lru_cache(maxsize=100)
def _holidays(country: str, part: str | None, year: int) -> Any:
    import holidays

    try:
        return holidays.country_holidays(country, subdiv=part, years=year)
    except NotImplementedError as error:
        raise ExpressionError(
            f"Public holidays of {country}{'-' + part if part else ''} aren't known"
        ) from error


@function_("isPublicHoliday")
def is_public_holiday(date: Value, country: str, subDivision: str | None = None) -> bool:
    """Whether a date is a public holiday of a country (two letters), or of a part of it.

    >>> show("{{ isPublicHoliday('2026-07-14', 'FR') }} {{ isPublicHoliday('2026-01-06', 'DE', 'DE-BY') }}")
    'true true'
    """
    code = country.strip().upper()
    part = subDivision.strip().upper().removeprefix(code + "-") if subDivision else None
    day = _local(date).date()
    return day in _holidays(code, part, day.year)


@function_("isDayWeekInMonth")
def is_day_week_in_month(date: Value, day: str, position: str) -> bool:
    """Whether a date is the FIRST, SECOND, THIRD, FOURTH or LAST such day of its month.

    >>> show("{{ isDayWeekInMonth('2026-03-02', 'MONDAY', 'FIRST') }}")
    'true'
    """
    found = _local(date).date()
    if found.weekday() != _day_number(day):
        return False
    name = position.strip().upper()
    if name == "LAST":
        return (found + timedelta(days=7)).month != found.month
    if name not in POSITIONS:
        raise ExpressionError(
            f"No position in a month: {position!r}; there are {', '.join(POSITIONS)}, LAST"
        )
    return (found.day - 1) // 7 == POSITIONS.index(name)


@function_("isLastWorkingDay")
def is_last_working_day(date: Value, days: Value = None) -> bool:
    """Whether a date is the last working day of its month: Monday to Friday, or the days that are named.

    >>> show("{{ isLastWorkingDay('2026-01-30') }} {{ isLastWorkingDay('2026-01-27', 'MONDAY,TUESDAY') }}")
    'true true'
    """
    names = days.split(",") if isinstance(days, str) else days
    working = set(range(5)) if names is None else {_day_number(name) for name in names}
    found = _local(date).date()
    if found.weekday() not in working:
        return False
    return not any(later.weekday() in working for later in _rest_of_month(found))


def _rest_of_month(day: Date) -> list[Date]:
    later = [day + timedelta(days=step) for step in range(1, 31)]
    return [other for other in later if other.month == day.month]


@function_("dayOfWeek")
def day_of_week(date: Value) -> str:
    """The name of a date's day.

    >>> show("{{ dayOfWeek('2026-03-07') }}")
    'SATURDAY'
    """
    return DAYS[_local(date).weekday()]


@function_("dayOfMonth")
def day_of_month(date: Value) -> int:
    """A date's day in its month.

    >>> show("{{ dayOfMonth('2026-03-07') }}")
    '7'
    """
    return _local(date).day


@function_("monthOfYear")
def month_of_year(date: Value) -> int:
    """A date's month, from 1 on.

    >>> show("{{ monthOfYear('2026-03-07') }}")
    '3'
    """
    return _local(date).month


@function_("hourOfDay")
def hour_of_day(date: Value) -> int:
    """A date's hour, from 0 on.

    >>> show("{{ hourOfDay('2026-03-07T10:30:00Z') }}")
    '10'
    """
    return _local(date).hour


@function_("isDateBetween")
def is_date_between(date: Value, after: Value, before: Value) -> bool:
    """Whether a date lies strictly between two others, which have to name their offset.

    >>> show("{{ isDateBetween('2026-03-07T10:00:00Z', '2026-03-07T09:00:00Z', '2026-03-07T11:00:00Z') }}")
    'true'
    """
    return _bound(after) < _local(date) < _bound(before)


def _bound(value: Value) -> datetime:
    from ..dates.read import from_text

    try:
        found = from_text(value.strip()) if isinstance(value, str) else value
    except ValueError as error:
        raise ExpressionError(f"Not a date: {value!r}") from error
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise ExpressionError(
            f"A bound of 'isDateBetween' needs an offset, like 2026-03-07T09:00:00Z, not {value!r}"
        )
    return found
