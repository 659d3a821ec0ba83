"""Filters on dates."""

from __future__ import annotations

from ..registry import filter_
from ..values import Value

# the names of parameters are the language's


@filter_("date")
def date(
    value: Value,
    format: str = "iso",
    timeZone: str | None = None,
    existingFormat: str | None = None,
    locale: str | None = None,
) -> Value:
    """A date by a Java pattern or a named format, in a time zone.

    >>> show("{{ '2025-03-01T10:00:00Z' | date('dd MMM yyyy HH:mm', timeZone='Europe/Paris') }}")
    '01 Mar 2025 11:00'
    >>> show("{{ '01/03/2025' | date('yyyy-MM-dd', existingFormat='dd/MM/yyyy') }}")
    '2025-03-01'
    """
    from ..dates.read import moment
    from ..dates.write import written

    found = moment(value, timeZone, existingFormat, locale)
    return int(found.timestamp()) if format == "timestamp" else written(found, format, locale)


@filter_("dateAdd")
def date_add(
    value: Value,
    amount: Value,
    unit: str,
    format: str = "iso",
    timeZone: str | None = None,
    existingFormat: str | None = None,
    locale: str | None = None,
) -> Value:
    """A date moved by an amount of `DAYS`, `HOURS`, `MONTHS` …, written as `date` does.

    >>> show("{{ '2025-03-01' | dateAdd(-1, 'DAYS') | date('dd MMM yyyy') }}")
    '28 Feb 2025'
    """
    from ..dates.add import added
    from ..dates.read import moment
    from ..dates.write import written

    found = added(moment(value, timeZone, existingFormat, locale), amount, unit)
    return int(found.timestamp()) if format == "timestamp" else written(found, format, locale)


def _epoch(value: Value, timeZone: str | None, existingFormat: str | None) -> tuple[int, int]:
    from ..dates.read import moment

    found = moment(value, timeZone, existingFormat)
    return int(found.replace(microsecond=0).timestamp()), found.microsecond


@filter_("timestamp")
def timestamp(value: Value, timeZone: str | None = None, existingFormat: str | None = None) -> int:
    """Seconds since 1970.

    >>> show("{{ '1970-01-02T00:00:00Z' | timestamp }}")
    '86400'
    """
    return _epoch(value, timeZone, existingFormat)[0]


@filter_("timestampMilli")
def timestamp_milli(
    value: Value, timeZone: str | None = None, existingFormat: str | None = None
) -> int:
    """Milliseconds since 1970.

    >>> show("{{ '1970-01-01T00:00:01.5Z' | timestampMilli }}")
    '1500'
    """
    seconds, micros = _epoch(value, timeZone, existingFormat)
    return seconds * 1000 + micros // 1000


@filter_("timestampMicro")
def timestamp_micro(
    value: Value, timeZone: str | None = None, existingFormat: str | None = None
) -> int:
    """Seconds since 1970 in thousand millions, plus the microseconds: the reference's own slip, kept.

    >>> show("{{ '1970-01-01T00:00:01.5Z' | timestampMicro }}")
    '1000500000'
    """
    seconds, micros = _epoch(value, timeZone, existingFormat)
    return seconds * 10**9 + micros


@filter_("timestampNano")
def timestamp_nano(
    value: Value, timeZone: str | None = None, existingFormat: str | None = None
) -> int:
    """Nanoseconds since 1970.

    >>> show("{{ '1970-01-01T00:00:01.5Z' | timestampNano }}")
    '1500000000'
    """
    seconds, micros = _epoch(value, timeZone, existingFormat)
    return seconds * 10**9 + micros * 1000
