"""From where to where a backfill goes, as people write it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from flowbook.triggers.backfill import first_moment, last_moment
from flowbook.triggers.zones import zone

PARIS = zone("Europe/Paris")
NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        pytest.param("2026-03-28", "27T23:00:00", "28T22:59:59.999999", id="a day is whole"),
        pytest.param("2026-03-29", "28T23:00:00", "29T21:59:59.999999", id="of 23 hours"),
        pytest.param(date(2026, 3, 28), "27T23:00:00", "28T22:59:59.999999", id="a date"),
        pytest.param("2026-03-30", "29T22:00:00", "30T12:00:00", id="today, until now"),
        pytest.param("2026-03-31", "30T22:00:00", "31T21:59:59.999999", id="to come"),
        pytest.param("2026-03-28T07:00", "28T06:00:00", "28T06:00:00", id="in the zone"),
        pytest.param(" 2026-03-28 07:00 ", "28T06:00:00", "28T06:00:00", id="with a blank"),
        pytest.param("2026-03-28T07:00Z", "28T07:00:00", "28T07:00:00", id="in its own zone"),
    ],
)
def test_what_people_write_is_a_moment(given: str | date, start: str, end: str) -> None:
    assert first_moment(given, PARIS).astimezone(UTC).isoformat() == f"2026-03-{start}+00:00"
    assert last_moment(given, PARIS, NOW).astimezone(UTC).isoformat() == f"2026-03-{end}+00:00"


def test_without_an_end_it_goes_on_until_now() -> None:
    assert last_moment(None, PARIS, NOW) == NOW


def test_what_is_no_date_says_how_one_is_written() -> None:
    with pytest.raises(ValueError, match=r"'31\.01\.2026' is no date: write it like 2026-01-31"):
        first_moment("31.01.2026", PARIS)
