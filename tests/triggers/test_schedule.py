"""The Schedule trigger as flows write it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowbook.flows.parse import examine, parse
from flowbook.kinds.trigger import Recovery
from flowbook.plugin.core.trigger.schedule import Schedule
from flowbook.triggers.zones import machine_zone, zone

NOW = datetime(2025, 3, 5, 10, 7, 30, tzinfo=UTC)
FLOW = """
id: timed
namespace: demo
tasks: [{{id: say, type: io.kestra.plugin.core.log.Log, message: hi}}]
triggers:
  - {{id: t, type: io.kestra.plugin.core.trigger.Schedule, {}}}
"""


def schedule(properties: str) -> Schedule:
    trigger = parse(FLOW.format(properties)).trigger("t")
    assert isinstance(trigger, Schedule)
    return trigger


def test_it_is_due_in_its_zone() -> None:
    due = schedule("cron: '0 7 * * 1-5', timezone: Europe/Paris").due(NOW)
    assert due is not None
    assert due.isoformat() == "2025-03-06T07:00:00+01:00"


def test_seconds_need_the_switch() -> None:
    assert schedule("cron: '*/5 * * * * *', withSeconds: true, timezone: UTC").due(NOW) == (
        datetime(2025, 3, 5, 10, 7, 35, tzinfo=UTC)
    )
    assert examine(FLOW.format("cron: '*/5 * * * * *'"))[0] is None


def test_variables_of_a_date() -> None:
    trigger = schedule("cron: '0 8 * * *', timezone: UTC")
    date = datetime(2025, 3, 10, 8, tzinfo=UTC)
    assert trigger.variables(date, trigger.due(date), trigger.previous(date)) == {
        "date": "2025-03-10T08:00:00+00:00",
        "next": "2025-03-11T08:00:00+00:00",
        "previous": "2025-03-09T08:00:00+00:00",
    }


def test_a_template_is_rendered_before_there_are_dates() -> None:
    trigger = schedule("cron: '{{ vars.when }}'")
    assert trigger.templates == {"cron": "{{ vars.when }}"}
    assert trigger.rendered({"cron": "@daily", "timezone": "UTC"}).due(NOW) == datetime(
        2025, 3, 6, tzinfo=UTC
    )
    with pytest.raises(ValueError, match="invalid cron expression 'x'"):
        trigger.rendered({"cron": "x"})


def test_policies_in_any_case() -> None:
    trigger = schedule("cron: '@daily', recoverMissedSchedules: last, lateMaximumDelay: PT1H")
    assert trigger.recover_missed_schedules is Recovery.LAST


@pytest.mark.parametrize("name", ["Z", "UTC", "Europe/Paris", "+02:00", "GMT+2", "-0330"])
def test_names_of_zones(name: str) -> None:
    assert zone(name).utcoffset(NOW.replace(tzinfo=None)) is not None


@pytest.mark.parametrize("name", ["Europe/Pari", "", "+99:00", "../etc/passwd", "paris"])
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid time-zone ID"):
        zone(name)


def test_the_machine_has_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert machine_zone() == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "nonsense")
    assert zone(machine_zone())
