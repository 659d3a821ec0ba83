"""What follows after downtime: `0 * * * *`, stopped at 10:30, started again at 14:20."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowbook.kinds.trigger import Recovery
from flowbook.plugin.core.trigger.schedule import Schedule
from flowbook.triggers.missed import missed, resume_at


def schedule(cron: str) -> Schedule:
    return Schedule(id="t", type="Schedule", cron=cron, timezone="UTC")


HOURLY = schedule("0 * * * *")
STORED = datetime(2025, 3, 5, 11, tzinfo=UTC)
NOW = datetime(2025, 3, 5, 14, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("recovery", "late", "hours", "then"),
    [
        (Recovery.ALL, None, [11, 12, 13, 14], 11),
        (Recovery.LAST, None, [14], 14),
        (Recovery.NONE, None, [], 15),
        (Recovery.ALL, timedelta(hours=2), [13, 14], 11),
        (Recovery.LAST, timedelta(minutes=10), [], 14),
    ],
)
def test_missed_dates(
    recovery: Recovery, late: timedelta | None, hours: list[int], then: int
) -> None:
    found = missed(recovery, HOURLY, STORED, NOW, late)
    assert [date.hour for date in found] == hours
    resumed = resume_at(recovery, HOURLY, STORED, NOW)
    assert resumed is not None
    assert resumed.hour == then


def test_a_single_missed_date_is_the_last_one() -> None:
    now = STORED + timedelta(minutes=5)
    assert list(missed(Recovery.LAST, HOURLY, STORED, now)) == [STORED]


@pytest.mark.parametrize("recovery", list(Recovery))
def test_a_date_in_the_future_is_kept(recovery: Recovery) -> None:
    assert resume_at(recovery, HOURLY, STORED, STORED - timedelta(minutes=1)) == STORED


def test_a_stored_date_that_is_none_any_more_snaps_forward() -> None:
    off = STORED + timedelta(minutes=17)
    assert resume_at(Recovery.ALL, HOURLY, off, NOW) == STORED + timedelta(hours=1)


def test_a_schedule_that_never_comes_again_has_no_date() -> None:
    never = schedule("0 0 30 2 *")
    assert resume_at(Recovery.ALL, never, STORED, NOW) is None
    assert list(missed(Recovery.LAST, never, STORED, NOW)) == []
