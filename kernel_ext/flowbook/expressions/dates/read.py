"""Moments read from what people write: instants, dates, seconds, texts, texts by a pattern."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from flowbook.errors import ExpressionError

from ..bounds import rendering
from ..values import Value, kind_of
from .names import names_of
from .pattern import pieces

FIELDS = {"y": "year", "u": "year", "d": "day", "H": "hour", "m": "minute", "s": "second"}
_offset = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?(?::?(\d{2}))?")


@lru_cache(maxsize=200)
def zone_of(name: str) -> tzinfo:
    """A time zone by its id or offset.

    >>> zone_of("UTC") is UTC, zone_of("+02:00").utcoffset(None)
    (True, datetime.timedelta(seconds=7200))
    """
    if name in ("UTC", "Z", "GMT", "Etc/UTC", "UCT", "Zulu"):
        return UTC
    if match := _offset.fullmatch(name):
        sign, hours, minutes, seconds = match.groups()
        away = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
        if away <= timedelta(hours=18):
            from datetime import timezone

            return timezone(-away if sign == "-" else away)
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ExpressionError(f"Unknown time zone: {name[:50]!r}") from error


def server_zone() -> str:
    scope = rendering().scope
    return scope.zone if scope is not None else "UTC"


def moment(
    value: Value,
    zone_name: str | None = None,
    pattern: str | None = None,
    locale: str | None = None,
) -> datetime:
    """A moment in a zone (else the server's). A value without a zone of its own is taken to be in it, not converted."""
    zone = zone_of(zone_name or server_zone())
    try:
        found = _read(value, zone, pattern, locale)
        return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)
    except (ValueError, OverflowError) as error:
        raise ExpressionError(
            f"Text {str(value)[:100]!r} could not be parsed as a date: {error}"
        ) from error


def _read(value: Value, zone: tzinfo, pattern: str | None, locale: str | None) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(12))
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, zone)
    if isinstance(value, str):
        return parsed(value, pattern, zone, locale) if pattern else from_text(value.strip())
    raise ExpressionError(f"Not a date: {kind_of(value)}")


def from_text(text: str) -> datetime:
    """A date-time as ISO 8601 writes it, with or without zone, also with a blank instead of the `T`."""
    body, _, region = text.removesuffix("]").partition("[")
    found = datetime.fromisoformat(_six_digits(body))
    if region:
        found = (
            found.astimezone(zone_of(region))
            if found.tzinfo
            else found.replace(tzinfo=zone_of(region))
        )
    return found


def _six_digits(text: str) -> str:
    """ISO text with at most microseconds: Java writes nanoseconds."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text) if "." in text else text


@lru_cache(maxsize=200)
def _expression(
    pattern: str, locale: str | None
) -> tuple[re.Pattern[str], tuple[tuple[str, int], ...]]:
    """A pattern as a regular expression and the fields of its groups."""
    names = names_of(locale)
    regex, letters = "", []
    found = pieces(pattern)
    for at, (letter, value) in enumerate(found):
        if letter is None:
            regex += re.escape(str(value))
            continue
        if letter in "[]":
            regex += "(?:" if letter == "[" else ")?"
            continue
        count = int(value)
        letters.append((letter, count))
        is_followed = at + 1 < len(found) and found[at + 1][0] not in (None, "[", "]")
        if letter in "ML" and count > 2:
            words = names.months if count == 4 else names.short_months
            regex += f"({'|'.join(map(re.escape, words))})"
        elif letter == "E":
            words = names.days if count == 4 else names.short_days
            regex += f"({'|'.join(map(re.escape, words))})"
        elif letter == "a":
            regex += r"([AaPp][Mm])"
        elif letter in "XxZ":
            regex += r"(Z|[+-]\d\d(?::?\d\d)?)"
        elif letter in "zVO":
            regex += r"([A-Za-z_]+(?:/[A-Za-z_/+-]+)?(?:[+-]\d\d?(?::\d\d)?)?|[+-]\d\d:?\d\d)"
        elif letter in "yu" and count == 4 and not is_followed:
            regex += r"(\d{4,9})"
        elif letter == "S":
            regex += rf"(\d{{{count}}})"
        else:
            regex += rf"(\d{{{count}}})" if count > 1 or is_followed else r"(\d{1,9})"
    try:
        return re.compile(regex, re.I), tuple(letters)
    except re.error as error:
        raise ExpressionError(f"Not a date pattern: {pattern[:100]!r}") from error


def parsed(text: str, pattern: str, zone: tzinfo, locale: str | None = None) -> datetime:
    """A moment in a text that a pattern describes; what the pattern leaves out is 1970-01-01T00:00.

    >>> parsed("03/01/25 9:05 PM", "dd/MM/yy h:mm a", UTC).isoformat()
    '2025-01-03T21:05:00+00:00'
    """
    expression, letters = _expression(pattern, locale)
    match = expression.fullmatch(text)
    if not match:
        raise ExpressionError(f"Text {text[:100]!r} could not be parsed by {pattern!r}")
    parts = {"year": 1970, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    micros, hour_of_half, is_afternoon, day_of_year = 0, None, None, None
    names = names_of(locale)
    for (letter, count), found in zip(letters, match.groups(), strict=True):
        if found is None:
            continue
        if letter in "ML":
            parts["month"] = _month(found, count, names.months, names.short_months)
        elif letter in "yu":
            parts["year"] = int(found) + (2000 if count == 2 else 0)
        elif letter in FIELDS:
            parts[FIELDS[letter]] = int(found)
        elif letter == "S":
            micros = int(found.ljust(6, "0")[:6])
        elif letter == "n":
            micros = int(found) // 1000
        elif letter == "k":
            parts["hour"] = int(found) % 24
        elif letter in "hK":
            hour_of_half = int(found) % 12
        elif letter == "D":
            day_of_year = int(found)
        elif letter == "a":
            is_afternoon = found.lower() == "pm"
        elif letter in "XxZzVO":
            zone = zone_of(found if letter in "zVO" else _with_colon(found))
    if hour_of_half is not None:
        parts["hour"] = hour_of_half + (12 if is_afternoon else 0)
    made = datetime(**parts, microsecond=micros, tzinfo=zone)
    return (
        made
        if day_of_year is None
        else made.replace(month=1, day=1) + timedelta(days=day_of_year - 1)
    )


def _month(found: str, count: int, long: object, short: object) -> int:
    if count <= 2:
        return int(found)
    words = [word.lower() for word in (long if count == 4 else short)]  # type: ignore[attr-defined]
    return words.index(found.lower()) + 1


def _with_colon(found: str) -> str:
    return found if found == "Z" or ":" in found or len(found) == 3 else f"{found[:3]}:{found[3:]}"
