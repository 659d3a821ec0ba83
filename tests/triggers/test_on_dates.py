"""ScheduleOnDates: each date of a list, once."""

from __future__ import annotations

from datetime import UTC, datetime

from flowbook.engine.fires import Around, considered
from flowbook.engine.schedules import Scheduled, of_flow
from flowbook.flows.parse import parse

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
FLOW = """
id: timed
namespace: demo
variables: {{dates: ["2026-05-01T08:00:00Z", "2026-06-01T08:00:00Z"]}}
tasks: [{{id: say, type: io.kestra.plugin.core.log.Log, message: hi}}]
triggers:
  - {{id: t, type: io.kestra.plugin.core.trigger.ScheduleOnDates, timezone: Europe/Paris, {}}}
"""


def scheduled(properties: str) -> Scheduled:
    [found] = of_flow(parse(FLOW.format(properties)))
    return found


def dates(one: Scheduled) -> list[str]:
    return [date.isoformat() for date in one.trigger.following(NEW_YEAR)]


def test_in_order_each_once_and_in_the_zone() -> None:
    one = scheduled(
        "dates: ['2026-07-01T08:00:00', 2026-02-01T08:00:00Z, 2026-02-01T09:00:00+01:00]"
    )
    assert dates(one) == ["2026-02-01T09:00:00+01:00", "2026-07-01T08:00:00+02:00"]
    assert list(one.trigger.preceding(datetime(2026, 3, 1, tzinfo=UTC))) == [
        datetime(2026, 2, 1, 8, tzinfo=UTC)
    ]
    assert one.next_fire(datetime(2027, 1, 1, tzinfo=UTC)) is None


def test_the_hour_that_comes_twice_has_two_dates() -> None:
    one = scheduled("dates: [2026-10-25T00:30:00Z, 2026-10-25T01:30:00Z]")
    assert dates(one) == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


def test_dates_from_the_variables_of_the_flow() -> None:
    assert dates(scheduled("dates: '{{ vars.dates }}'"))[0] == "2026-05-01T10:00:00+02:00"
    assert dates(scheduled("dates: ['{{ vars.dates[1] }}']")) == ["2026-06-01T10:00:00+02:00"]
    broken = scheduled("dates: ['{{ vars.dates[7] }}']")
    assert broken.problem is not None
    assert "vars.dates[7]" in broken.problem


def test_conditions_see_the_date_and_executions_nothing() -> None:
    one = scheduled(
        "dates: [2026-02-02T08:00:00Z, 2026-02-07T08:00:00Z], when: '{{ isWeekend(trigger.date) }}'"
    )
    saturday = datetime(2026, 2, 7, 8, tzinfo=UTC)
    assert one.next_fire(NEW_YEAR) == saturday
    fire, following = considered(one, saturday, saturday, "run", Around())
    assert following is None
    assert fire is not None
    assert fire.trigger["variables"] == {}
