"""Events that belong together: windows, and when enough has been met."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from flowbook.flows.parse import parse
from flowbook.kinds.state import State
from flowbook.plugin.core.trigger.flow import Flow
from flowbook.triggers.conditions import Upstream, is_met
from flowbook.triggers.windows import (
    Event,
    Gathering,
    Outcome,
    Record,
    Shape,
    Window,
    advance,
    missed,
)

DAY = datetime(2025, 3, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
READY = """
preconditions:
  id: ready
  timeWindow: {type: DAILY_TIME_DEADLINE, deadline: "09:00:00"}
  flows:
    - {namespace: shop.raw, flowId: orders, states: [SUCCESS]}
    - {namespace: shop.raw, flowId: users, states: [SUCCESS, WARNING]}
"""
TWO_OF_THREE = """
mode: AT_LEAST
minSatisfied: 2
dependsOn: [{flowId: a, states: [SUCCESS]}, {flowId: b, states: [SUCCESS]}, {flowId: c, states: [SUCCESS]}]
window: {lookback: PT1H}
"""
BY_NINE = """
dependsOn: [{flowId: a}, {flowId: b}]
window: {deadline: "09:00:00", timezone: UTC}
"""


def trigger(text: str) -> Flow:
    """A Flow trigger with these properties."""
    body = "\n".join(f"    {line}" for line in text.strip().splitlines())
    kind = "io.kestra.plugin.core.trigger.Flow"
    log = "io.kestra.plugin.core.log.Log"
    flow = parse(
        "id: both\nnamespace: shop\n"
        f"tasks:\n  - {{id: say, type: {log}, message: hi}}\n"
        f"triggers:\n  - id: t\n    type: {kind}\n{body}\n"
    )
    found = flow.trigger("t")
    assert isinstance(found, Flow)
    return found


class Told:
    """A trigger that is told of executions; it keeps its records as the history does."""

    def __init__(self, text: str) -> None:
        self.waits = list(trigger(text).waits_for("kestra"))
        self.kept: dict[str, Any] = {}
        self.outcome = Outcome({}, fires=False)

    def of(self, clock: str, flow_id: str, state: str = "SUCCESS", days: int = 0) -> bool:
        """Whether it fires for an execution at a time of day."""
        upstream = Upstream(namespace="shop.raw", flow_id=flow_id, state=State(state))
        met = {
            gathering.id: [
                name
                for name, wanted in wants.items()
                if is_met(wanted, name, upstream, {}, ("shop", "both"))
            ]
            for gathering, wants in self.waits
        }
        at = datetime.combine(DAY + timedelta(days=days), time.fromisoformat(clock), UTC)
        event = Event(at=at, execution_id=f"{flow_id}@{clock}", flow_id=flow_id)
        records = {key: Record.from_json(value) for key, value in self.kept.items()}
        gatherings = [Gathering.from_json(each.to_json()) for each, _ in self.waits]
        self.outcome = advance(gatherings, records, met, event)
        self.kept = {key: record.to_json() for key, record in self.outcome.records.items()}
        return self.outcome.fires

    @property
    def met(self) -> list[int]:
        """The numbers of the conditions that have been met so far."""
        [(gathering, _)] = self.waits
        results = self.kept.get(gathering.id, {}).get("results", {})
        return [number for number, name in enumerate(gathering.wanted, 1) if name in results]


def test_preconditions_with_a_deadline() -> None:
    told = Told(READY)
    rows = [
        (told.of("07:10", "orders", "FAILED"), told.met),
        (told.of("07:40", "orders"), told.met),
        (told.of("08:05", "orders"), told.met),
        (told.of("08:30", "users", "WARNING"), told.met),
        (told.of("08:50", "users"), told.met),
        (told.of("09:20", "orders"), told.met),
        (told.of("00:30", "orders", days=1), told.met),
    ]
    assert rows == [
        (False, []),
        (False, [1]),
        (False, [1]),
        (True, []),
        (False, [2]),
        (False, [2]),
        (False, [1]),
    ]


def test_what_has_made_it_fire_is_named() -> None:
    told = Told(READY)
    told.of("08:05", "orders")
    told.of("08:30", "users")
    assert [each.execution_id for each in told.outcome.events] == ["orders@08:05", "users@08:30"]


def test_at_least_two_within_an_hour() -> None:
    told = Told(TWO_OF_THREE)
    rows = [
        (told.of("08:00", "a"), told.met),
        (told.of("08:20", "a"), told.met),
        (told.of("09:10", "b"), told.met),
        (told.of("09:20", "c"), told.met),
        (told.of("10:30", "a"), told.met),
    ]
    assert rows == [(False, [1]), (False, [1]), (True, []), (False, [3]), (False, [1])]


def test_any_fires_on_every_match() -> None:
    told = Told(TWO_OF_THREE.replace("AT_LEAST\nminSatisfied: 2", "ANY"))
    assert [told.of(f"0{n}:00", "abcda"[n]) for n in range(5)] == [True, True, True, False, True]


def test_one_dependency_without_a_window_fires_on_every_match() -> None:
    told = Told("dependsOn: [{flowId: a}]")
    assert [told.of("08:00", "a"), told.of("08:01", "b"), told.of("08:02", "a")] == [
        True,
        False,
        True,
    ]


def test_without_a_window_what_was_met_is_remembered() -> None:
    told = Told("dependsOn: [{flowId: a}, {flowId: b}]")
    assert told.of("08:00", "a") is False
    assert told.of("08:00", "b", days=40) is True
    assert told.of("08:01", "b", days=40) is False


def test_fire_once_fires_once_a_window() -> None:
    text = "mode: ANY\n" + BY_NINE.replace("timezone: UTC", "timezone: UTC, fireOnce: true")
    told = Told(text)
    days = [told.of("07:00", "a"), told.of("08:00", "b"), told.of("07:00", "a", days=1)]
    assert days == [True, False, True]


def test_conditions_kept_after_firing_fire_again() -> None:
    told = Told(READY.replace("  flows", "  resetOnSuccess: false\n  flows"))
    told.of("08:00", "orders")
    fired = [told.of("08:10", "users"), told.of("08:20", "users"), told.of("08:30", "others")]
    assert fired == [True, True, False]


def test_an_edited_entry_loses_only_its_own_result() -> None:
    told = Told("dependsOn: [{flowId: a}, {flowId: b}, {flowId: c}]")
    told.of("08:00", "a")
    told.of("08:01", "b")
    edited = Told("dependsOn: [{flowId: a}, {flowId: b, states: [FAILED]}, {flowId: c}]")
    edited.kept = told.kept
    assert edited.of("08:02", "c") is False
    assert edited.met == [1, 3]


def test_an_event_of_a_window_gone_by_counts_for_nothing() -> None:
    told = Told(BY_NINE)
    told.of("08:00", "a", days=1)
    assert told.of("08:00", "b") is False
    assert told.met == [1]


def test_a_window_that_ends_unmet_is_closed_once() -> None:
    [(gathering, _)] = trigger(BY_NINE).waits_for("kestra")
    end = DAY + 9 * HOUR
    told = Told(BY_NINE)
    told.of("08:00", "a")
    record = missed(gathering, Record.from_json(told.kept["dependsOn"]), end)
    assert record is not None
    assert missed(gathering, record, end) is None
    told.kept = {"dependsOn": record.to_json()}
    assert told.of("08:59", "b") is False, "late news of the same morning"
    assert told.of("00:10", "a", days=1) is False
    assert told.of("00:20", "b", days=1) is True
    assert missed(gathering, Record.from_json(told.kept["dependsOn"]), end + 24 * HOUR) is None


@pytest.mark.parametrize(
    ("window", "moment", "expected"),
    [
        pytest.param(
            Window(shape=Shape.EVERY), "2025-03-05T10:07", ("03-05T00:00", "03-06T00:00"), id="day"
        ),
        pytest.param(
            Window(shape=Shape.EVERY, length=HOUR, offset=HOUR / 4),
            "2025-03-05T10:07",
            ("03-05T09:15", "03-05T10:15"),
            id="hour-with-offset",
        ),
        pytest.param(
            Window(shape=Shape.EVERY, timezone="Asia/Tokyo"),
            "2025-03-05T16:00",
            ("03-05T15:00", "03-06T15:00"),
            id="day-elsewhere",
        ),
        pytest.param(
            Window(shape=Shape.DAILY, start=time(22), end=time(2)),
            "2025-03-05T01:00",
            ("03-04T22:00", "03-05T02:00"),
            id="past-midnight",
        ),
        pytest.param(
            Window(shape=Shape.DAILY, start=time(8), end=time(9)),
            "2025-03-05T09:00",
            None,
            id="the-end-is-outside",
        ),
        pytest.param(
            Window(shape=Shape.DAILY, end=time(9), timezone="Europe/Paris"),
            "2025-03-30T06:30",
            ("03-29T23:00", "03-30T07:00"),
            id="the-clocks-change",
        ),
    ],
)
def test_windows_around_a_moment(
    window: Window, moment: str, expected: tuple[str, str] | None
) -> None:
    at = datetime.fromisoformat(f"{moment}+00:00")
    found = Window.from_json(window.to_json()).around(at)
    shown = None if found is None else tuple(f"{each:%m-%dT%H:%M}" for each in found)
    assert shown == expected
    if found is not None:
        assert window.next_end(at) == found[1]


def test_between_two_windows_the_next_end_is_that_of_the_next() -> None:
    window = Window(shape=Shape.DAILY, start=time(8), end=time(9))
    assert window.next_end(DAY + 9 * HOUR) == DAY + 33 * HOUR
