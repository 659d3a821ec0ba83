"""Durations as flows write them: ISO 8601, `30s`, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

ISO = re.compile(
    r"^([+-])?P(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(-?\d+(?:\.\d+)?)H)?(?:(-?\d+(?:\.\d+)?)M)?(?:(-?\d+(?:\.\d+)?)S)?)?$",
    re.IGNORECASE,
)
SHORT = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$", re.IGNORECASE)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_duration(value: object) -> timedelta:
    """`PT1M30S`, `pt0.25s`, `30s`, `5m`, `90` or `90.0` (seconds) as a `timedelta`.

    A year counts 365 days and a month 30. Raises `ValueError` that says what would be accepted.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    try:
        return _length(value, text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"'{text}' is not a duration: write it like PT30S, PT5M, P1D or 30s"
        ) from None


def _length(value: object, text: str) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if (found := ISO.match(text)) and len(text) > 1 and not text.upper().endswith(("P", "T")):
        sign, *parts = found.groups()
        years, months, weeks, days, hours, minutes, seconds = (float(part or 0) for part in parts)
        length = timedelta(
            days=years * 365 + months * 30 + weeks * 7 + days,
            hours=hours,
            minutes=minutes,
            seconds=seconds,
        )
        return -length if sign == "-" else length
    if found := SHORT.match(text):
        return timedelta(seconds=float(found[1]) * UNITS[found[2].lower()])
    return timedelta(seconds=float(text))


def iso(length: timedelta) -> str:
    """The ISO text of a duration, like `PT1H30M` or `PT0.25S`; days stay hours, as in the reference."""
    total = length.total_seconds()
    sign, total = ("-", -total) if total < 0 else ("", total)
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{int(hours)}H" if hours else ""
    text += f"{int(minutes)}M" if minutes else ""
    if seconds or not text:
        text += f"{seconds:.6f}".rstrip("0").rstrip(".") + "S"
    return f"{sign}PT{text}"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(iso)]
"""A property that holds a length of time."""
