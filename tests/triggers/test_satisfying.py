"""The dates of a schedule at which its conditions hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowbook.engine.date_conditions import Reach
from flowbook.engine.fires import Around, Considered, considered, first
from flowbook.engine.schedules import Scheduled, of_flow
from flowbook.flows.parse import parse
from flowbook.kinds.trigger import TimedTrigger

MONDAY = datetime(2025, 3, 10, 8, tzinfo=UTC)
DAY = timedelta(days=1)
FLOW = """
id: timed
namespace: demo
variables: {{weekday: TUESDAY, open: false}}
tasks: [{{id: say, type: io.kestra.plugin.core.log.Log, message: hi}}]
triggers:
  - {{id: t, type: io.kestra.plugin.core.trigger.Schedule, cron: "{cron}", timezone: UTC, {more}}}
"""


def schedule(more: str, cron: str = "0 8 * * *") -> Scheduled:
    """One with conditions, as a line of YAML; `@Weekend` stands for the type of a condition."""
    text = more.replace("@", "io.kestra.plugin.core.condition.")
    [found] = of_flow(parse(FLOW.format(cron=cron, more=text)))
    return found


def at(scheduled: Scheduled, date: datetime) -> Considered:
    return considered(scheduled, date, date, "run", Around())


def test_the_dates_around_one_satisfy_the_conditions_too() -> None:
    fire, following = at(schedule("conditions: [{type: @DayWeek, dayOfWeek: MONDAY}]"), MONDAY)
    assert fire is not None
    assert fire.trigger["variables"] == {
        "date": "2025-03-10T08:00:00+00:00",
        "next": "2025-03-17T08:00:00+00:00",
        "previous": "2025-03-03T08:00:00+00:00",
    }
    assert following == MONDAY + 7 * DAY


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("conditions: [{type: @DayWeek, dayOfWeek: MONDAY}]", MONDAY + 7 * DAY),
        ("scheduleConditions: [{type: @WeekendCondition}]", MONDAY + 5 * DAY),
        ("when: '{{ isWeekend(trigger.date) }}'", MONDAY + 5 * DAY),
        (
            "conditions: [{type: @Weekend}], when: \"{{ dayOfWeek(trigger.date) == 'SUNDAY' }}\"",
            MONDAY + 6 * DAY,
        ),
        (
            "conditions: [{type: @DayWeekInMonth, dayOfWeek: MONDAY, dayInMonth: LAST}]",
            MONDAY + 21 * DAY,
        ),
        ("conditions: [{type: @PublicHoliday, country: FR}]", MONDAY + 42 * DAY),
        ("conditions: [{type: @DayWeek, dayOfWeek: '{{ vars.weekday }}'}]", MONDAY + DAY),
        (
            "conditions: [{type: @Weekend, date: \"{{ trigger.date | dateAdd(1, 'DAYS') }}\"}]",
            MONDAY + 4 * DAY,
        ),
        (
            "conditions: [{type: @DateTimeBetween, after: '2025-03-12T08:00:00Z'}]",
            MONDAY + 3 * DAY,
        ),
        (
            "conditions: [{type: @Not, conditions: [{type: @DayWeek, dayOfWeek: TUESDAY}, "
            "{type: @DayWeek, dayOfWeek: WEDNESDAY}]}]",
            MONDAY + 3 * DAY,
        ),
        (
            "conditions: [{type: @Or, conditions: [{type: @Weekend}, "
            "{type: @Expression, expression: \"{{ trigger.date | date('dd') == '13' }}\"}]}]",
            MONDAY + 3 * DAY,
        ),
        ("conditions: [{type: @Expression, expression: '{{ nothing.here }}'}]", MONDAY + DAY),
        ("when: \"{{ kv('open') }}\"", MONDAY + DAY),
        ("conditions: [{type: @ExecutionOutputs, expression: '{{ true }}'}]", None),
        ("when: '{{ vars.open }}'", None),
        ("conditions: [{type: @DateTimeBetween, before: '2024-01-01T00:00:00Z'}]", None),
    ],
)
def test_the_next_date(more: str, expected: datetime | None) -> None:
    assert schedule(more).next_fire(MONDAY) == expected


def test_times_of_day_are_compared_in_their_zone() -> None:
    evening = schedule("conditions: [{type: @TimeBetween, after: '18:00:00+02:00'}]", "0 * * * *")
    assert evening.next_fire(MONDAY) == MONDAY + timedelta(hours=9)


def test_a_date_that_is_refused_gives_nothing_but_the_next() -> None:
    assert at(schedule("conditions: [{type: @Weekend}]"), MONDAY) == (None, MONDAY + 5 * DAY)


def test_a_condition_that_fails_is_seen() -> None:
    fire, following = at(schedule("conditions: [{type: @DateTimeBetween}]"), MONDAY)
    assert fire is not None
    assert fire.error == "Invalid condition with no before nor after"
    assert following == MONDAY + DAY


def test_a_day_that_is_refused_is_not_asked_again() -> None:
    christmas = datetime(2025, 12, 25, tzinfo=UTC)
    each_second = schedule("withSeconds: true, when: \"{{ isPublicHoliday(trigger.date, 'FR') and monthOfYear(trigger.date) == 12 }}\"", "* * * * * *")  # fmt: skip
    asked = [question.reach for question in each_second.conditions.questions]
    assert asked == [Reach.DAY]
    assert each_second.dates.due(MONDAY) == christmas
    assert each_second.dates.previous(MONDAY) == datetime(2024, 12, 25, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "reach"),
    [
        ("conditions: [{type: @Weekend}]", Reach.DAY),
        ("conditions: [{type: @Weekend, date: '{{ trigger.date }}'}]", Reach.DAY),
        ("conditions: [{type: @Not, conditions: [{type: @Weekend}]}]", Reach.DAY),
        ("when: '{{ isWeekend(trigger.date) and hourOfDay(trigger.date) > 7 }}'", Reach.DATE),
        ("when: \"{{ isWeekend(trigger.date | dateAdd(1, 'HOURS')) }}\"", Reach.DATE),
        ("when: '{{ vars.open }}'", Reach.ALWAYS),
        ("when: \"{{ now() > '2025-01-01' }}\"", Reach.MOMENT),
        ("when: '{{ render(vars.weekday) }}'", Reach.MOMENT),
    ],
)
def test_how_long_an_answer_is_good(more: str, reach: Reach) -> None:
    [question] = schedule(more).conditions.questions
    assert question.reach is reach


def test_a_search_without_end_goes_on_where_it_was_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowbook.triggers.satisfying.MOST", 100)
    rare = schedule("when: \"{{ trigger.date | date('HH') == '12' }}\"", "* * * * *")
    looked_at = rare.dates.due(MONDAY)
    assert looked_at == MONDAY + timedelta(minutes=100)
    assert rare.next_fire(MONDAY) is None
    fire, further = at(rare, looked_at)
    assert fire is None
    assert further == MONDAY + timedelta(minutes=200)
    assert rare.dates.due(MONDAY + timedelta(minutes=200)) == MONDAY + timedelta(hours=4)


def test_missed_dates_are_those_that_satisfy() -> None:
    scheduled = schedule(
        "recoverMissedSchedules: LAST, conditions: [{type: @DayWeek, dayOfWeek: MONDAY}]"
    )
    noted = Scheduled(
        flow=scheduled.flow,
        revision=None,
        trigger=scheduled.trigger,
        next_date=MONDAY,
        rhythm=scheduled.current,
    )
    assert first(noted, MONDAY + 16 * DAY) == MONDAY + 14 * DAY


def test_what_was_noted_is_not_searched_for_again() -> None:
    scheduled = schedule("when: '{{ isWeekend(trigger.date) }}'")
    noted = Scheduled(
        flow=scheduled.flow, revision=None, trigger=scheduled.trigger, rhythm=scheduled.current
    )
    assert noted.next_fire(MONDAY) is None
    assert scheduled.next_fire(MONDAY) is not None


def test_changed_conditions_begin_anew() -> None:
    one = schedule("when: '{{ isWeekend(trigger.date) }}'")
    other = schedule("when: '{{ not isWeekend(trigger.date) }}'")
    assert one.current != other.current
    assert schedule("").current == {"cron": "0 8 * * *", "timezone": "UTC", "withSeconds": False}


class Fourth(TimedTrigger):
    """Due at each fourth hour, as somebody's own trigger says it."""

    def due(self, after: datetime) -> datetime | None:
        hour = int(after.timestamp()) // 14_400 + 1
        return datetime.fromtimestamp(hour * 14_400, UTC)


def test_the_previous_date_follows_from_the_next_ones() -> None:
    trigger = Fourth(id="t", type="t")
    assert trigger.previous(MONDAY) == MONDAY - timedelta(hours=4)
    assert trigger.previous(MONDAY + timedelta(microseconds=1)) == MONDAY
    assert trigger.rhythm == {"timezone": None}
