"""Time zones by their names."""

from __future__ import annotations

import os
import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from ..kinds.dynamic import holds_template

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")


@cache
def zone(name: str | None) -> tzinfo:
    """The zone of this name (`Europe/Paris`, `Z`, `+02:00`); without one the machine's own.

    Raises `ValueError` for a name that is none.
    """
    if name is None:
        return zone(machine_zone())
    if name in {"Z", "UTC", "GMT"}:
        return UTC
    if found := OFFSET.fullmatch(name):
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset <= timedelta(hours=18):
            return timezone(-offset if sign == "-" else offset)
    try:
        if name not in available_timezones():
            raise KeyError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"timezone '({name})' is not a valid time-zone ID") from None


def checked(name: str | None) -> str | None:
    """The name itself, of a zone or a template that gives one. Raises `ValueError`."""
    if name is not None and not holds_template(name):
        zone(name)
    return name


def machine_zone() -> str:
    """The name of the machine's zone: `TZ`, else where its clock's settings lead; else UTC."""
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    real = os.path.realpath("/etc/localtime")
    candidates.append(real.partition("zoneinfo/")[2])
    known = available_timezones()
    return next((name for name in candidates if name in known), "UTC")
