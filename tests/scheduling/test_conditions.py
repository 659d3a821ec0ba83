"""Conditions, labels and lists of dates in an engine that holds the lease, on the real clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flowbook.errors import WorkspaceError

from .conftest import flow, until

CONDITION = "    conditions:\n      - {{type: io.kestra.plugin.core.condition.{}}}\n"


def test_only_dates_that_satisfy_fire(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            third = "{{ (trigger.date | date('ss') | number) % 3 == 0 }}"
            await at.engine.deploy(
                flow(trigger=CONDITION.format(f'Expression, expression: "{third}"'))
            )
            rows = await at.fired(2)

            told = rows[0]["trigger"]["variables"]
            date = datetime.fromisoformat(told["date"])
            assert date.second % 3 == 0
            assert datetime.fromisoformat(told["next"]) == date + timedelta(seconds=3)
            assert datetime.fromisoformat(told["previous"]) == date - timedelta(seconds=3)
            assert datetime.fromisoformat(rows[1]["trigger"]["variables"]["date"]) == date + timedelta(seconds=3)  # fmt: skip

    asyncio.run(body())


def test_a_switch_in_the_key_value_store_is_asked_when_the_date_has_come(
    firing: Callable[[], Any],
) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.pairs("demo").set("open", False)
            await at.engine.deploy(flow(trigger="    when: \"{{ kv('open') }}\"\n"))
            await at.engine.deploy(flow("other"))
            await at.fired(2, "other")
            assert await at.executions() == []

            await at.engine.pairs("demo").set("open", True)
            await at.fired(1)

    asyncio.run(body())


def test_a_condition_that_fails_gives_a_failed_execution_for_each_date(
    firing: Callable[[], Any],
) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(flow(trigger=CONDITION.format("DateTimeBetween")))
            rows = await at.fired(2)

            assert {row["state"] for row in rows} == {"FAILED"}
            assert rows[0]["error"]["message"] == "Invalid condition with no before nor after"

    asyncio.run(body())


def test_labels_are_rendered_and_a_broken_one_is_left_out(firing: Callable[[], Any]) -> None:
    labels = (
        '    labels: {year: "{{ trigger.date | date(\'yyyy\') }}", none: "{{ null }}", '
        'broken: "{{ nothing.here }}"}\n'
    )

    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(flow(trigger=labels))
            [row, *_] = await at.fired(1)

            given = {pair["key"]: pair["value"] for pair in row["labels"]}
            assert given["none"] == ""
            assert given["year"] == row["trigger"]["variables"]["date"][:4]
            assert "broken" not in given
            [line] = await at.engine.logs(row["id"], level="WARN")
            assert line["message"].startswith("Label 'broken' is left out: ")

    asyncio.run(body())


def test_each_date_of_a_list_fires_once_and_missed_ones_are_made_up_for(
    firing: Callable[[], Any],
) -> None:
    from flowbook.engine.schedules import next_fires

    async def body() -> None:
        began = datetime.now(UTC).replace(microsecond=0)
        later = began + timedelta(days=400)
        dates = [began - timedelta(days=2), began - timedelta(days=1), later]
        listed = ", ".join(f'"{date.isoformat()}"' for date in dates)
        text = flow().replace("core.trigger.Schedule\n", "core.trigger.ScheduleOnDates\n")
        text = text.replace('cron: "* * * * * *"', f"dates: [{listed}]")
        text = text.replace("    withSeconds: true\n", "")

        async def noted(engine: Any) -> None:
            await engine.deploy(text)
            await engine.store.transact(
                "save_trigger",
                namespace="demo",
                flow_id="tick",
                trigger_id="often",
                type="io.kestra.plugin.core.trigger.ScheduleOnDates",
                next_date=dates[0],
                state={
                    "rhythm": {
                        "timezone": "Asia/Tokyo",
                        "dates": [date.isoformat().replace("+00:00", "Z") for date in dates],
                    }
                },
            )

        async with firing(noted) as at:
            rows = await at.fired(2)
            assert [row["trigger"]["variables"] for row in rows] == [{}, {}]
            fires = await at.engine.store.query(
                "fires_of", namespace="demo", flow_id="tick", trigger_id=None, limit=None
            )
            assert sorted(fire["date"] for fire in fires) == [one.isoformat() for one in dates[:2]]

            async def waits() -> bool:
                return bool(at.scheduler.next_date == later)

            await until(waits)
            [listing] = await next_fires(at.engine.store, began)
            assert listing["next"] == later
            assert listing["cron"] is None

    asyncio.run(body())


def test_a_trigger_of_ones_own_that_breaks_stops_no_other(
    firing: Callable[[], Any], monkeypatch: Any
) -> None:
    from flowbook.plugin.core.trigger.schedule_on_dates import ScheduleOnDates

    def broken(self: ScheduleOnDates, after: datetime) -> datetime:
        raise ZeroDivisionError

    monkeypatch.setattr(ScheduleOnDates, "due", broken)

    async def body() -> None:
        async with firing() as at:
            text = flow("wrong").replace(
                "core.trigger.Schedule\n", "core.trigger.ScheduleOnDates\n"
            )
            text = text.replace('cron: "* * * * * *"', "dates: [2035-01-01T00:00:00Z]")
            await at.engine.deploy(text.replace("    withSeconds: true\n", ""))
            await at.engine.deploy(flow())
            await at.fired(2)
            assert await at.executions("wrong") == []

    asyncio.run(body())


def test_a_date_whose_execution_could_not_be_entered_fires_later(
    firing: Callable[[], Any],
) -> None:
    async def body() -> None:
        async with firing() as at:
            transact, lost = at.engine.store.transact, []

            async def once_broken(name: str, /, **params: Any) -> Any:
                if name == "fire" and not lost:
                    lost.append(params["date"])
                    raise WorkspaceError("The disk is full")
                return await transact(name, **params)

            at.engine.store.transact = once_broken
            await at.engine.deploy(flow())
            rows = await at.fired(2)
            dates = [datetime.fromisoformat(row["trigger"]["variables"]["date"]) for row in rows]
            assert dates[:2] == [lost[0], lost[0] + timedelta(seconds=1)]

    asyncio.run(body())
