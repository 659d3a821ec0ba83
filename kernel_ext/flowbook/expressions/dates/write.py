"""Moments written by Java's patterns."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowbook.errors import ExpressionError

from .names import Names, names_of
from .pattern import pieces


def written(moment: datetime, pattern: str = "iso", locale: str | None = None) -> str:
    """A moment by a pattern or a named format.

    >>> written(datetime(2025, 3, 1, 9, 5), "d MMM yyyy, HH:mm")
    '1 Mar 2025, 09:05'
    """
    if pattern == "timestamp":
        return str(int(moment.timestamp()))
    names = names_of(locale)
    parts: list[str] = []
    for letter, value in pieces(names.styles.get(pattern, pattern)):
        if letter is None:
            assert isinstance(value, str)
            parts.append(value)
        elif letter not in "[]":
            assert isinstance(value, int)
            parts.append(_field(moment, letter, value, names))
    return "".join(parts)


def _field(moment: datetime, letter: str, count: int, names: Names) -> str:
    match letter:
        case "X" | "x" | "Z" | "O":
            return offset(moment, letter, count)
        case "M" | "L" if count > 2:
            month = names.months[moment.month - 1]
            return (
                month
                if count == 4
                else month[0]
                if count == 5
                else names.short_months[moment.month - 1]
            )
        case "E":
            day = names.days[moment.weekday()]
            return (
                day if count == 4 else day[0] if count == 5 else names.short_days[moment.weekday()]
            )
        case "e" | "c" if count > 2:
            return _field(moment, "E", count, names)
        case "Q" | "q" if count > 2:
            quarter = (moment.month + 2) // 3
            ending = {1: "st", 2: "nd", 3: "rd"}.get(quarter, "th")
            return f"Q{quarter}" if count == 3 else f"{quarter}{ending} quarter"
        case "S":
            return f"{moment.microsecond:06}".ljust(count, "0")[:count]
        case "a":
            return "AM" if moment.hour < 12 else "PM"
        case "G":
            return "Anno Domini" if count == 4 else "A" if count == 5 else "AD"
        case "V":
            return zone_name(moment)
        case "z":
            return moment.tzname() or "" if count < 4 else zone_name(moment)
        case "B":
            return "AM" if moment.hour < 12 else "PM"
    number = _number(moment, letter)
    if letter in "yuY" and count == 2:
        return str(number % 100).zfill(2)
    return str(number).zfill(count)


def _number(moment: datetime, letter: str) -> int:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match letter:
        case "y" | "u":
            return moment.year
        case "Y":
            return moment.isocalendar()[0]
        case "M" | "L":
            return moment.month
        case "d":
            return moment.day
        case "D":
            return moment.timetuple().tm_yday
        case "e" | "c":
            return moment.isoweekday()
        case "w":
            return moment.isocalendar()[1]
        case "W":
            return (moment.day + moment.replace(day=1).weekday() - 1) // 7 + 1
        case "F":
            return (moment.day - 1) // 7 + 1
        case "Q" | "q":
            return (moment.month + 2) // 3
        case "H":
            return moment.hour
        case "k":
            return moment.hour or 24
        case "K":
            return moment.hour % 12
        case "h":
            return moment.hour % 12 or 12
        case "m":
            return moment.minute
        case "s":
            return moment.second
        case "A":
            return (moment.replace(tzinfo=None) - midnight.replace(tzinfo=None)) // timedelta(
                milliseconds=1
            )
        case "n":
            return moment.microsecond * 1000
        case "N":
            return (
                (moment.replace(tzinfo=None) - midnight.replace(tzinfo=None))
                // timedelta(microseconds=1)
                * 1000
            )
    raise ExpressionError(f"Unknown pattern letter: {letter}")


def zone_name(moment: datetime) -> str:
    """The id of a moment's zone, its offset where it has none."""
    key = getattr(moment.tzinfo, "key", None)
    if key:
        return str(key)
    return offset(moment, "X", 3) if moment.utcoffset() else "UTC"


def offset(moment: datetime, letter: str, count: int) -> str:
    """How far a moment's zone is from UTC."""
    away = moment.utcoffset()
    seconds = int(away.total_seconds()) if away is not None else 0
    if seconds == 0 and (letter == "X" or (letter == "Z" and count == 5)):
        return "Z"
    sign, (hours, rest) = "-" if seconds < 0 else "+", divmod(abs(seconds) // 60, 60)
    if letter == "O" or (letter == "Z" and count == 4):
        if not seconds:
            return "GMT"
        is_short = letter == "O" and count < 4
        return (
            f"GMT{sign}{hours}" + (f":{rest:02}" if rest else "")
            if is_short
            else f"GMT{sign}{hours:02}:{rest:02}"
        )
    if letter == "Z":
        return f"{sign}{hours:02}{':' if count == 5 else ''}{rest:02}"
    if count == 1:
        return f"{sign}{hours:02}" + (f"{rest:02}" if rest else "")
    return f"{sign}{hours:02}{':' if count % 2 else ''}{rest:02}"
