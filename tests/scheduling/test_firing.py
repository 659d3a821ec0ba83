"""Schedules in an engine that holds the lease, on the real clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .conftest import flow, until

NAMED = "inputs:\n  - {id: day, type: STRING}\n"


def dates(rows: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.fromisoformat(row["trigger"]["variables"]["date"]) for row in rows]


def test_it_fires_each_second_with_inputs_of_its_date(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(
                flow(
                    more=NAMED, trigger="    inputs: {day: \"{{ trigger.date | date('yyyy') }}\"}\n"
                )
            )
            rows = await at.fired(3)

            assert rows[0]["inputs"] == {"day": dates(rows)[0].strftime("%Y")}
            assert {row["trigger"]["id"] for row in rows} == {"often"}
            assert {date.utcoffset() for date in dates(rows)} == {timedelta(hours=9)}
            assert len(set(dates(rows))) == len(rows)
            assert all(date.microsecond == 0 for date in dates(rows))

    asyncio.run(body())


def test_it_waits_for_its_previous_execution(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(flow(task="core.flow.Sleep, duration: PT1.5S"))
            rows = await at.fired(2)

            assert rows[1]["created_at"] >= rows[0]["ended_at"]
            assert dates(rows)[1] - dates(rows)[0] == timedelta(seconds=1)

    asyncio.run(body())


def test_disabled_schedules_and_drafts_never_fire(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(flow("off", trigger="    disabled: true\n"))
            await at.engine.deploy(flow("whole", more="disabled: true\n"))
            await at.engine.run(flow("draft"))
            await at.engine.deploy(flow())
            await at.fired(2)

            assert await at.executions("off") == []
            assert await at.executions("whole") == []
            assert [row["trigger"] for row in await at.executions("draft")] == [None]

    asyncio.run(body())


def test_switching_a_flow_off_ends_its_dates(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(flow())
            await at.fired(1)
            await at.engine.store.transact("disable_flow", namespace="demo", id="tick")

            async def gone() -> bool:
                return not at.scheduler.entries

            await until(gone)

    asyncio.run(body())


def test_when_refuses_dates(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            even = "{{ (trigger.date | date('ss') | number) % 2 == 0 }}"
            await at.engine.deploy(flow(trigger=f'    when: "{even}"\n'))
            rows = await at.fired(2)

            assert [date.second % 2 for date in dates(rows)] == [0] * len(rows)

    asyncio.run(body())


def test_refused_inputs_leave_a_failed_execution(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(flow(more=NAMED))
            rows = await at.fired(1)

            assert rows[0]["state"] == "FAILED"
            assert "day" in rows[0]["error"]["message"]
            assert rows[0]["trigger"]["id"] == "often"

    asyncio.run(body())


def test_stop_after_switches_the_schedule_off(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(
                flow(task="core.execution.Fail", trigger="    stopAfter: [FAILED]\n")
            )
            await at.fired(1)

            async def disabled() -> bool:
                rows = await at.engine.store.query("triggers_of", namespace="demo", flow_id="tick")
                return bool(rows and rows[0]["disabled"])

            await until(disabled)
            assert len(await at.executions()) == 1

    asyncio.run(body())


def test_a_date_entered_by_a_holder_that_died_gets_its_execution(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        async with firing() as at:
            soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
            await at.engine.store.transact(
                "fire",
                namespace="demo",
                flow_id="tick",
                trigger_id="often",
                date=soon,
                execution_id="lost",
            )
            await at.engine.deploy(flow())

            async def there() -> bool:
                return "lost" in [row["id"] for row in await at.executions()]

            await until(there)
            rows = await at.executions()
            assert len(set(dates(rows))) == len(rows)

    asyncio.run(body())


def test_missed_dates_are_made_up_for_one_after_another(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        stored = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
        async with firing(lambda engine: missed(engine, "ALL", stored)) as at:
            rows = await at.fired(5)

            assert dates(rows)[0] == stored
            assert [b - a for a, b in zip(dates(rows), dates(rows)[1:], strict=False)] == [
                timedelta(seconds=1)
            ] * (len(rows) - 1)

    asyncio.run(body())


def test_none_of_the_missed_dates_fires_if_so_asked(firing: Callable[[], Any]) -> None:
    async def body() -> None:
        began = datetime.now(UTC)
        stored = began.replace(microsecond=0) - timedelta(seconds=60)
        async with firing(lambda engine: missed(engine, "NONE", stored)) as at:
            rows = await at.fired(1)

            assert dates(rows)[0] >= began

    asyncio.run(body())


async def missed(engine: Any, recovery: str, stored: datetime) -> None:
    """A schedule whose next date was noted before a time without a server."""
    rhythm = {"cron": "* * * * * *", "timezone": "Asia/Tokyo", "withSeconds": True}
    await engine.store.transact(
        "save_trigger",
        namespace="demo",
        flow_id="tick",
        trigger_id="often",
        type="io.kestra.plugin.core.trigger.Schedule",
        next_date=stored,
        state={"rhythm": rhythm},
    )
    await engine.deploy(flow(trigger=f"    recoverMissedSchedules: {recovery}\n"))


def test_the_next_fire_is_listed_in_the_zone_of_the_schedule(firing: Callable[[], Any]) -> None:
    from flowbook.engine.schedules import next_fires

    async def body() -> None:
        async with firing() as at:
            await at.engine.deploy(
                flow().replace("* * * * * *", "0 30 7 1 1 *").replace("Asia/Tokyo", "Europe/Paris")
            )
            [fire] = await next_fires(at.engine.store, datetime(2025, 6, 1, tzinfo=UTC))

            assert fire["zone"] == "Europe/Paris"
            assert fire["next"] is not None
            assert fire["next"].isoformat()[4:] == "-01-01T07:30:00+01:00"

    asyncio.run(body())
