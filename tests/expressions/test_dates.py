"""Dates: Java's patterns, named formats, zones, what counts as a date."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, render

MOMENT = "2025-03-09T15:04:05.678901+02:00"


def text(template: str, *, zone: str = "UTC", **variables: Any) -> str:
    return render(template, Scope({"t": MOMENT, **variables}, zone=zone))


PATTERNS = [
    ("yy yyyy y", "25 2025 2025"),
    ("M MM MMM MMMM MMMMM", "3 03 Mar March M"),
    ("d dd", "9 09"),
    ("D DDD", "68 068"),
    ("E EEEE EEEEE", "Sun Sunday S"),
    ("YYYY-'W'ww-e", "2025-W10-7"),
    ("Q QQ QQQ QQQQ", "1 01 Q1 1st quarter"),
    ("H HH k K h hh a", "13 13 13 1 1 01 PM"),
    ("m mm s ss", "4 04 5 05"),
    ("S SSS SSSSSS SSSSSSSSS", "6 678 678901 678901000"),
    ("A n", "47045678 678901000"),
    ("z VV", "UTC UTC"),
    ("X XX XXX x xx xxx", "Z Z Z +00 +0000 +00:00"),
    ("Z ZZZZ ZZZZZ O", "+0000 GMT Z GMT"),
    ("G", "AD"),
    ("'it''s' d''", "it's 9'"),
    ("yyyy[-MM]", "2025-03"),
    ("iso", "2025-03-09T13:04:05.678901Z"),
    ("iso_sec", "2025-03-09T13:04:05Z"),
    ("sql", "2025-03-09 13:04:05.678901"),
    ("sql_seq", "2025-03-09 13:04:05"),
    ("iso_local_date", "2025-03-09"),
    ("iso_local_time", "13:04:05"),
    ("iso_week_date", "2025-W10-7Z"),
    ("iso_ordinal_date", "2025-068Z"),
    ("full", "Sunday, March 9, 2025"),
    ("long", "March 9, 2025"),
    ("medium", "Mar 9, 2025"),
    ("short", "3/9/25"),
    ("timestamp", "1741525445"),
]


@pytest.mark.parametrize(
    ("pattern", "expected"), PATTERNS, ids=[pattern for pattern, _ in PATTERNS]
)
def test_a_pattern_writes(pattern: str, expected: str) -> None:
    assert text("{{ t | date(p) }}", p=pattern) == expected


@pytest.mark.parametrize("pattern", ["b", "P", "yyyy#", "{yyyy}"])
def test_an_unknown_letter_is_refused(pattern: str) -> None:
    with pytest.raises(ExpressionError, match=r"[Pp]attern"):
        text("{{ t | date(p) }}", p=pattern)


INPUTS = [
    pytest.param("2025-03-09T13:04:05Z", "2025-03-09T13:04:05.000000Z", id="instant"),
    pytest.param("2025-03-09T13:04", "2025-03-09T13:04:00.000000Z", id="local without seconds"),
    pytest.param("2025-03-09 13:04:05", "2025-03-09T13:04:05.000000Z", id="with a blank"),
    pytest.param("2025-03-09T13:04:05.123456789Z", "2025-03-09T13:04:05.123456Z", id="nanoseconds"),
    pytest.param(
        "2025-03-09T13:04:05+01:00[Europe/Paris]", "2025-03-09T12:04:05.000000Z", id="zoned"
    ),
    pytest.param("2025-03-09", "2025-03-09T00:00:00.000000Z", id="a date's text is its midnight"),
    pytest.param(date(2025, 3, 9), "2025-03-09T12:00:00.000000Z", id="a date is its noon"),
    pytest.param(1741525445, "2025-03-09T13:04:05.000000Z", id="seconds"),
    pytest.param(datetime(2025, 3, 9, 1, tzinfo=UTC), "2025-03-09T01:00:00.000000Z", id="datetime"),
]


@pytest.mark.parametrize(("given", "expected"), INPUTS)
def test_a_date_is_read(given: object, expected: str) -> None:
    assert text("{{ d | date }}", d=given) == expected


@pytest.mark.parametrize("given", ["soon", "2025-13-01", True, 1.5, [], {}])
def test_what_is_no_date_is_refused(given: object) -> None:
    with pytest.raises(ExpressionError):
        text("{{ d | date }}", d=given)


def test_a_local_text_is_in_the_zone_not_converted() -> None:
    assert (
        text("{{ '2025-01-01T10:00' | date('HH:mm XXX', timeZone='Europe/Paris') }}")
        == "10:00 +01:00"
    )


def test_an_instant_is_converted() -> None:
    assert (
        text("{{ '2025-01-01T10:00Z' | date('HH:mm z', timeZone='Europe/Paris') }}") == "11:00 CET"
    )


def test_the_servers_zone_is_the_default() -> None:
    assert (
        text("{{ '2025-07-01T10:00Z' | date('HH:mm VV') }}", zone="Europe/Paris")
        == "12:00 Europe/Paris"
    )


def test_now_is_the_hosts_clock_in_the_servers_zone() -> None:
    scope = Scope(
        {}, services={"now": lambda: datetime(2025, 7, 1, 10, tzinfo=UTC)}, zone="Europe/Paris"
    )
    assert render("{{ now() }} {{ now('HH') }} {{ now(timeZone='UTC') }}", scope) == (
        "2025-07-01T12:00:00.000000+02:00 12 2025-07-01T10:00:00.000000Z"
    )


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("01/02/2025", "dd/MM/yyyy", "2025-02-01T00:00:00"),
        ("1-Feb-25 3:04 pm", "d-MMM-yy h:mm a", "2025-02-01T15:04:00"),
        ("20250201T101112.5+0100", "yyyyMMdd'T'HHmmss.SZ", "2025-02-01T09:11:12.5"),
        ("2025-032", "yyyy-DDD", "2025-02-01T00:00:00"),
        ("2025-02-01", "yyyy-MM-dd[ HH:mm]", "2025-02-01T00:00:00"),
        ("2025-02-01 10:11", "yyyy-MM-dd[ HH:mm]", "2025-02-01T10:11:00"),
        ("samedi 1 février 2025", "EEEE d MMMM yyyy", None),
    ],
)
def test_a_pattern_reads(value: str, pattern: str, expected: str | None) -> None:
    template = "{{ v | date(\"yyyy-MM-dd'T'HH:mm:ss\", existingFormat=p) }}"
    if expected is None:
        with pytest.raises(ExpressionError, match="could not be parsed"):
            text(template, v=value, p=pattern)
    else:
        assert text(template, v=value, p=pattern) == expected[:19]


def test_a_locale_gives_the_words() -> None:
    template = "{{ t | date('EEEE d MMMM', locale='fr') }} {{ t | date('long', locale='de_DE') }}"
    assert text(template) == "dimanche 9 mars 9. März 2025"


@pytest.mark.parametrize(
    ("amount", "unit", "expected"),
    [
        (1, "MONTHS", "2024-02-29"),
        (-1, "YEARS", "2023-01-31"),
        (2, "WEEKS", "2024-02-14"),
        (36, "HOURS", "2024-02-01"),
        (1, "DECADES", "2034-01-31"),
        (1500, "MILLIS", "2024-01-31"),
        (2, "HALF_DAYS", "2024-02-01"),
    ],
)
def test_dates_move_by_the_calendar(amount: int, unit: str, expected: str) -> None:
    assert (
        text("{{ '2024-01-31' | dateAdd(a, u) | date('yyyy-MM-dd') }}", a=amount, u=unit)
        == expected
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ t | dateAdd(1, 'EONS') }}",
        "{{ t | dateAdd('x', 'DAYS') }}",
        "{{ t | dateAdd(99999999, 'YEARS') }}",
        "{{ t | date(timeZone='Nowhere/At') }}",
    ],
)
def test_a_bad_move_is_refused(template: str) -> None:
    with pytest.raises(ExpressionError):
        text(template)


def test_a_day_added_keeps_the_hour_over_a_change_of_clocks() -> None:
    template = "{{ '2025-03-29T12:00' | dateAdd(1, '%s', timeZone='Europe/Paris') | date('HH:mm', timeZone='Europe/Paris') }}"
    assert text(template % "DAYS") == "12:00"
    assert text(template.replace("(1,", "(24,") % "HOURS") == "13:00"


def test_calendar_functions_use_the_dates_own_zone() -> None:
    assert (
        text(
            "{{ dayOfWeek('2026-03-06T23:00:00-05:00') }} {{ hourOfDay('2026-03-06T23:00:00-05:00') }}"
        )
        == "FRIDAY 23"
    )
    assert (
        text("{{ isWeekend('2026-03-07') }}{{ isWeekend('2026-03-06T23:30:00Z') }}") == "truefalse"
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{ isPublicHoliday('2026-01-01', 'XX') }}",
        "{{ isDayWeekInMonth('2026-01-01', 'SOMEDAY', 'FIRST') }}",
        "{{ isDateBetween('2026-01-01T00:00Z', '2025-01-01', '2027-01-01') }}",
    ],
)
def test_calendar_functions_refuse_what_they_dont_know(template: str) -> None:
    with pytest.raises(ExpressionError):
        text(template)
