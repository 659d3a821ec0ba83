"""Cron: the examples of the language's reference, and ten years against a scan of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flowbook.triggers import sentence
from flowbook.triggers.cron import Cron
from flowbook.triggers.schedule import dates_between, next_dates

NOW = datetime(2025, 3, 5, 10, 7, 30, tzinfo=UTC)  # a Wednesday
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/15 * * * *", ["2025-03-05T10:15", "2025-03-05T10:30"]),
        ("0 9-17/4 * * 1-5", ["2025-03-05T13:00", "2025-03-05T17:00"]),
        ("0 0 13 * 5", ["2025-03-07T00:00", "2025-03-13T00:00", "2025-03-14T00:00"]),
        ("0 6 31 * *", ["2025-03-31T06:00", "2025-05-31T06:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("@daily", ["2025-03-06T00:00", "2025-03-07T00:00"]),
        ("@midnight", ["2025-03-06T00:00"]),
        ("@hourly", ["2025-03-05T11:00"]),
        ("@weekly", ["2025-03-09T00:00"]),
        ("@monthly", ["2025-04-01T00:00"]),
        ("@yearly", ["2026-01-01T00:00"]),
        ("@annually", ["2026-01-01T00:00"]),
        ("0 0 * * 7", ["2025-03-09T00:00"]),
        ("0 0 * * 0", ["2025-03-09T00:00"]),
        ("0 0 * * 5-7", ["2025-03-07T00:00", "2025-03-08T00:00", "2025-03-09T00:00"]),
        ("0 0 * jan MON", ["2026-01-05T00:00"]),
        ("0 0 ? * ?", ["2025-03-06T00:00"]),
        ("5/15 10 * * *", ["2025-03-05T10:20", "2025-03-05T10:35", "2025-03-05T10:50"]),
    ],
)
def test_the_next_dates(text: str, expected: list[str]) -> None:
    found = next_dates(Cron.parse(text), UTC, NOW, len(expected))
    assert [date.isoformat()[:16] for date in found] == expected


def test_six_fields_begin_with_seconds() -> None:
    found = next_dates(Cron.parse("30 */10 * * * *", with_seconds=True), UTC, NOW, 2)
    assert [date.isoformat()[11:19] for date in found] == ["10:10:30", "10:20:30"]


def test_every_second() -> None:
    cron, with_seconds = Cron.parse_any("* * * * * *")
    assert with_seconds
    assert cron.next_after(NOW, UTC) == NOW + timedelta(seconds=1)
    assert cron.next_after(NOW + timedelta(microseconds=1), UTC) == NOW + timedelta(seconds=1)


def test_a_time_that_a_change_of_clocks_leaves_out_is_skipped() -> None:
    start = datetime(2025, 3, 28, 12, tzinfo=PARIS)
    found = next_dates(Cron.parse("0 2 * * *"), PARIS, start, 2)
    assert [date.isoformat() for date in found] == [
        "2025-03-29T02:00:00+01:00",
        "2025-03-31T02:00:00+02:00",
    ]


def test_a_time_that_comes_twice_fires_once() -> None:
    start = datetime(2025, 10, 25, 12, tzinfo=PARIS)
    found = next_dates(Cron.parse("30 2 * * *"), PARIS, start, 2)
    assert [date.isoformat() for date in found] == [
        "2025-10-26T02:30:00+02:00",
        "2025-10-27T02:30:00+01:00",
    ]


def test_in_the_second_pass_of_an_hour_the_next_date_is_after_it() -> None:
    second_pass = datetime(2025, 10, 26, 2, 10, tzinfo=PARIS, fold=1)
    found = Cron.parse("*/15 * * * *").next_after(second_pass, PARIS)
    assert found is not None
    assert found.isoformat() == "2025-10-26T03:00:00+01:00"


def test_a_date_that_never_comes_is_none() -> None:
    assert Cron.parse("0 0 30 2 *").next_after(NOW, UTC) is None
    assert Cron.parse("0 0 30 2 *").previous_before(NOW, UTC) is None


def test_the_previous_date() -> None:
    cron = Cron.parse("0 8 * * *")
    assert cron.previous_before(NOW, UTC) == datetime(2025, 3, 5, 8, tzinfo=UTC)
    at = datetime(2025, 3, 5, 8, tzinfo=UTC)
    assert cron.previous_before(at, UTC) == at - timedelta(days=1)
    assert cron.previous_before(at + timedelta(microseconds=5), UTC) == at


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5 25 * * *", "hour 25 is not between 0 and 23"),
        ("61 * * * *", "minute 61 is not between 0 and 59"),
        ("* * 0 * *", "day-of-month 0 is not between 1 and 31"),
        ("* * * 13 *", "month 13 is not between 1 and 12"),
        ("* * * * 8", "day-of-week 8 is not between 0 and 7"),
        ("0 0 1 * * *", "it needs 5 fields .* but has 6 .*withSeconds: true"),
        ("0 0 1 *", "it needs 5 fields .* but has 4"),
        ("", "it needs 5 fields .* but has 0"),
        ("0 0 L * *", "'L' is not a day-of-month"),
        ("0 0 15W * *", "'15W' is not a day-of-month"),
        ("0 0 * * 5#2", "'5#2' can't be read as day-of-week"),
        ("@every 5m", "'@every 5m' is not one of @yearly"),
        ("50-10 * * * *", "minute 50-10 runs backwards"),
        ("*/0 * * * *", "step 0 of minute"),
        ("*-5 * * * *", "can't be read as minute"),
        ("1,,2 * * * *", "'' can't be read as minute"),
        ("٣ * * * *", "can't be read as minute"),
    ],
)
def test_what_is_no_cron_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        Cron.parse(text)
    assert str(refused.value).startswith(f"invalid cron expression '{text}': ")


def test_with_seconds_wants_six_fields() -> None:
    with pytest.raises(ValueError, match="it needs 6 fields"):
        Cron.parse("* * * * *", with_seconds=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["*/15 2-3 * * *", "30 2 * * *", "0 0 13 * 5", "7 0 29 2 *", "0 3 1-7 3,10 0", "59 23 31 12 *"],
)
def test_ten_years_agree_with_a_scan_of_the_calendar(text: str) -> None:
    start, end = datetime(2020, 1, 1, tzinfo=PARIS), datetime(2030, 1, 1, tzinfo=PARIS)
    cron = Cron.parse(text)
    found = [date for date in dates_between(cron, PARIS, start, end) if date < end]
    assert found == list(scan(cron, start, end))


def scan(cron: Cron, start: datetime, end: datetime):  # type: ignore[no-untyped-def]
    """Every minute of the local calendar, by the fields alone."""
    naive = start.replace(tzinfo=None)
    while naive < end.replace(tzinfo=None):
        weekday = naive.isoweekday() % 7
        by_day = cron.days is None or naive.day in cron.days
        by_weekday = cron.weekdays is None or weekday in cron.weekdays
        either = cron.days is not None and cron.weekdays is not None
        if not (
            naive.month in cron.months
            and (by_day or by_weekday if either else by_day and by_weekday)
        ):
            naive += timedelta(days=1)
            continue
        for hour in cron.hours:
            for minute in cron.minutes:
                moment = naive.replace(hour=hour, minute=minute, tzinfo=start.tzinfo)
                if moment.astimezone(UTC).astimezone(moment.tzinfo).replace(
                    tzinfo=None
                ) == moment.replace(tzinfo=None):
                    yield moment
        naive += timedelta(days=1)


def test_dates_between_hold_both_ends() -> None:
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 3, tzinfo=UTC)
    found = list(dates_between(Cron.parse("@daily"), UTC, start, end))
    assert [date.day for date in found] == [1, 2, 3]


def test_dates_go_on_without_end() -> None:
    endless = Cron.parse("@yearly").after(NOW, UTC)
    assert [next(endless).year for _ in range(3)] == [2026, 2027, 2028]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:59, Monday to Friday"),
        ("0 * * * *", "Every hour"),
        ("5 * * * *", "Every hour at minute 5"),
        ("0 */6 * * *", "Every 6 hours"),
        ("0 7 * * 1-5", "At 07:00, Monday to Friday"),
        ("30 6,18 * * 0", "At 06:30 and 18:30, on Sunday"),
        ("0 0 13 * 5", "At 00:00, on the 13th or on Friday"),
        ("0 3 1-7 1-3 *", "At 03:00, from the 1st to the 7th, in January to March"),
        ("0 0 1,15 * *", "At 00:00, on the 1st and 15th"),
        ("@yearly", "At 00:00, on the 1st, in January"),
        ("0 8 * * 6,0", "At 08:00, on Saturday and Sunday"),
        ("*/5 * * * * *", "Every 5 seconds"),
        ("* * * * * *", "Every second"),
        ("30 */10 * * * *", "At second 30, every 10 minutes"),
        ("0 30 7 * * *", "At 07:30"),
    ],
)
def test_a_cron_as_a_sentence(text: str, said: str) -> None:
    assert sentence.describe(text) == said
