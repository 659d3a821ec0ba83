"""The time, and periods of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flowbook.errors import ExpressionError

from ..bounds import rendering
from ..registry import function_
from ..values import DateTime, Value

_period = re.compile(r"P(?:(-?\d+)([YMWD]))?(?:T(-?\d+)([HMS]))?")
_UNITS = {"Y": "YEARS", "M": "MONTHS", "W": "WEEKS", "D": "DAYS"}
_CLOCK_UNITS = {"H": "HOURS", "M": "MINUTES", "S": "SECONDS"}


def period_of(text: str) -> tuple[int, str]:
    """An ISO 8601 period of one unit.

    >>> period_of("P1M"), period_of("PT6H")
    ((1, 'MONTHS'), (6, 'HOURS'))
    """
    match = _period.fullmatch(text)
    if match and match[1] and not match[3]:
        return int(match[1]), _UNITS[match[2]]
    if match and match[3] and not match[1]:
        return int(match[3]), _CLOCK_UNITS[match[4]]
    raise ExpressionError(f"Not a period of one unit: {text[:50]!r}; write P1D, P1W, P1M, PT1H …")


def current_time() -> datetime:
    """The time, from the host's clock where it gives one."""
    scope = rendering().scope
    if scope is not None and (source := scope.services.get("now")):
        found = source()
        if not isinstance(found, datetime):
            raise ExpressionError("The host's clock gave no time")
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.now(UTC)


@function_("now")
def now(
    format: str | None = None,
    timeZone: str | None = None,
    existingFormat: str | None = None,
    locale: str | None = None,
) -> Value:
    """The time in the server's zone or another; with a format, its text.

    >>> show("{{ now('yyyy', timeZone='Europe/Paris') | length }} {{ now() > '2020-01-01' }}")
    '4 true'
    """
    from ..dates.read import moment, zone_of
    from ..dates.write import written

    if format is not None and timeZone is None and _is_zone(format):
        format, timeZone = None, format  # now('Europe/Paris'), as later versions write it
    found = (
        moment(current_time(), timeZone)
        if timeZone is None
        else current_time().astimezone(zone_of(timeZone))
    )
    if format is None:
        return DateTime.of(found)
    return int(found.timestamp()) if format == "timestamp" else written(found, format, locale)


def _is_zone(text: str) -> bool:
    if "/" not in text and text not in ("UTC", "GMT", "Z"):
        return False
    from ..dates.read import zone_of

    try:
        zone_of(text)
    except ExpressionError:
        return False
    return True
