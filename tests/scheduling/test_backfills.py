"""Backfills on the virtual clock and the real store: dates of the past, one after another, each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowbook.clock import VirtualClock
from flowbook.engine import backfills, trigger_control
from flowbook.engine.backfill_plan import plan
from flowbook.engine.backfills import begin
from flowbook.engine.firing import scheduler_of
from flowbook.engine.scheduling import Scheduler
from flowbook.engine.workspace import Workspace
from flowbook.errors import Conflict, FlowbookError, InputInvalid, NotFound, Unconfirmed
from flowbook.workspace import trust

from .conftest import until

NOW = datetime(2026, 2, 3, 10, 30, tzinfo=UTC)
SAY = {"id": "say", "type": "core.debug.Return", "format": "hi"}
FAIL = {"id": "fail", "type": "core.execution.Fail"}
GATE = {"id": "gate", "type": "core.flow.Pause"}
Row = dict[str, Any]


@dataclass
class Stage:
    """A workspace on the virtual clock; what holds its lease comes and goes."""

    engine: Workspace
    clock: VirtualClock
    holding: dict[str, tuple[Scheduler, asyncio.Task[None]]] = field(default_factory=dict)

    async def deploy(self, *tasks: Row, cron: str = "0 7 * * *", **trigger: Any) -> None:
        """A flow `demo.daily` with one schedule, in Paris."""
        flow = {k: trigger.pop(k) for k in ("inputs", "id") if k in trigger}
        named = trigger.pop("of_trigger", {})
        schedule = {"id": "morning", "type": "core.trigger.Schedule", "cron": cron}
        schedule |= {"timezone": "Europe/Paris", **trigger, **named}
        await self.engine.deploy(
            {"id": "daily", "namespace": "demo", "tasks": list(tasks) or [SAY]}
            | flow
            | {"triggers": [schedule]}
        )

    def serve(self, name: str = "one") -> Scheduler:
        """Begin to compete for the lease."""
        scheduler = scheduler_of(self.engine)
        scheduler.host = name
        self.holding[name] = scheduler, asyncio.create_task(scheduler.run())
        return scheduler

    async def stop(self, name: str = "one") -> None:
        _, task = self.holding.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def backfill(self, start: Any, end: Any = None, **more: Any) -> str:
        confirm = more.pop("confirm", False)
        planned = await plan(
            self.engine,
            more.pop("flow", "demo.daily"),
            more.pop("trigger", None),
            start,
            end,
            more.pop("inputs", None),
            more.pop("labels", None),
        )
        return await begin(self.engine, planned, confirm=confirm)

    async def told(self) -> Row:
        """The newest backfill."""
        return (await backfills.listed(self.engine))[0]

    async def ended(self, state: str = "DONE") -> Row:
        async def there() -> Row | None:
            rows = await backfills.listed(self.engine)
            return rows[0] if rows and rows[0]["state"] == state else None

        return dict(await until(there))

    async def executions(self) -> list[Row]:
        """In the order they began in."""
        rows = await self.engine.history.executions(limit=1000)
        began = {row["id"]: (await self.span(row["id"]))[0] for row in rows}
        return sorted(rows, key=lambda row: began[row["id"]])

    async def span(self, run_id: str) -> tuple[int, int]:
        """Where an execution begins and ends in the history."""
        events = await self.engine.store.query("execution_events", id=run_id)
        return events[0]["seq"], events[-1]["seq"]

    async def dates(self) -> list[str]:
        """The days that ran, in the order they ran in."""
        return [row["trigger"]["variables"]["date"][:16] for row in await self.executions()]

    async def reached(self, count: int, state: str = "SUCCESS") -> list[Row]:
        """The executions, once so many of them are in a state."""

        async def enough() -> list[Row] | None:
            found = [row for row in await self.executions() if row["state"] == state]
            return found if len(found) >= count else None

        return list(await until(enough))

    async def row(self) -> Row:
        [row] = await self.engine.store.query("triggers_of", namespace="demo", flow_id="daily")
        return row

    async def holds(self) -> None:
        """The schedule is in the history."""

        async def noted() -> bool:
            rows = await self.engine.store.query("triggers_of", namespace="demo", flow_id="daily")
            return bool(rows and rows[0]["next_date"])

        await until(noted)


Scene = Callable[[Stage], Awaitable[None]]


@pytest.fixture
def play(root: Path) -> Callable[..., None]:
    """Play a scene; time stands still in it unless the scene lets it pass."""

    def played(scene: Scene, config: str = "") -> None:
        async def body() -> None:
            async with opened(root, config) as stage:
                with stage.clock.working():
                    await scene(stage)

        asyncio.run(body())

    return played


@asynccontextmanager
async def opened(root: Path, config: str) -> AsyncIterator[Stage]:
    if config:
        (root / ".flowbook").mkdir()
        (root / ".flowbook" / "config.yml").write_text(config)
    clock = VirtualClock(NOW)
    async with await Workspace.open(root, kind="server", embedded=True, clock=clock) as engine:
        trust.trust(engine.place)
        stage = Stage(engine, clock)
        try:
            yield stage
        finally:
            for name in list(stage.holding):
                await stage.stop(name)


def test_the_dates_run_one_after_another_with_inputs_and_labels_laid_over(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(
            inputs=[{"id": "day", "type": "STRING"}, {"id": "by", "type": "STRING"}],
            of_trigger={
                "inputs": {"day": "{{ trigger.date | date('yyyy-MM-dd') }}", "by": "schedule"},
                "labels": {"kind": "usual", "team": "data"},
                "lateMaximumDelay": "PT1H",
            },
        )
        stage.serve()
        await stage.holds()
        before = await stage.row()
        await stage.backfill(
            "2026-01-30", "2026-02-01", inputs={"by": "me"}, labels={"kind": "again"}
        )
        told = await stage.ended()
        await stage.reached(3)

        assert await stage.dates() == ["2026-01-30T07:00", "2026-01-31T07:00", "2026-02-01T07:00"]
        rows = await stage.executions()
        assert [row["inputs"] for row in rows] == [
            {"day": "2026-01-30", "by": "me"},
            {"day": "2026-01-31", "by": "me"},
            {"day": "2026-02-01", "by": "me"},
        ]
        labels = {pair["key"]: pair["value"] for pair in rows[0]["labels"]}
        assert (labels["kind"], labels["team"]) == ("again", "data")
        variables = rows[1]["trigger"]["variables"]
        assert variables["next"] == "2026-02-01T07:00:00+01:00"
        assert variables["previous"] == "2026-01-30T07:00:00+01:00"
        spans = [await stage.span(row["id"]) for row in rows]
        assert spans[0][1] < spans[1][0] < spans[1][1] < spans[2][0]
        assert (told["done"], told["total"], told["date"]) == (3, 3, None)
        after = await stage.row()
        assert (after["next_date"], after["backfill"]) == (before["next_date"], None)
        assert after["last_execution_id"] == rows[-1]["id"]

    play(scene)


def test_pause_lets_the_schedules_own_dates_pass_and_delete_ends_it(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(GATE)
        scheduler = stage.serve()
        await stage.backfill("2026-01-29T07:00", "2026-02-02")
        [first] = await stage.reached(1, "PAUSED")
        await backfills.pause(stage.engine, "demo.daily")
        await stage.engine.resume(first["id"])
        await stage.reached(1)
        assert (await stage.told())["state"] == "PAUSED"
        tomorrow = datetime(2026, 2, 4, 6, tzinfo=UTC)

        async def own() -> bool:
            return scheduler.next_date == tomorrow

        await until(own)
        with pytest.raises(Conflict, match="is paused"):
            await backfills.pause(stage.engine, "demo.daily")
        await backfills.pause(stage.engine, "demo.daily", paused=False)
        [second] = await stage.reached(1, "PAUSED")
        await backfills.delete(stage.engine, "demo.daily")
        await stage.engine.resume(second["id"])
        await stage.reached(2)
        await until(own)

        assert await stage.dates() == ["2026-01-29T07:00", "2026-01-30T07:00"]
        told = await stage.told()
        assert (told["state"], told["done"], told["total"]) == ("STOPPED", 2, 5)
        assert told["executions"] == {"SUCCESS": 2}
        with pytest.raises(NotFound, match=r"No backfill of demo\.daily goes on"):
            await backfills.delete(stage.engine, "demo.daily")

    play(scene)


def test_another_server_goes_on_where_the_first_one_stopped(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(GATE)
        stage.serve("one")
        await stage.backfill("2026-02-01", "2026-02-02")
        [first] = await stage.reached(1, "PAUSED")
        await stage.stop("one")
        stage.serve("two")
        stage.serve("three")
        await stage.engine.resume(first["id"])
        [second] = await stage.reached(1, "PAUSED")
        await stage.engine.resume(second["id"])
        await stage.ended()
        await stage.reached(2)
        assert await stage.dates() == ["2026-02-01T07:00", "2026-02-02T07:00"]

    play(scene)


def test_a_date_that_a_holder_entered_and_died_over_gets_its_execution(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy()
        id = await stage.backfill("2026-02-01", "2026-02-02")
        entered = await stage.engine.store.transact(
            "fire_backfill",
            namespace="demo",
            flow_id="daily",
            trigger_id="morning",
            id=id,
            current="2026-02-01T06:00:00+00:00",
            date="2026-02-01T06:00:00+00:00",
            execution_id="lost",
        )
        assert entered[0]["fired"]
        stage.serve()
        await stage.ended()
        rows = await stage.reached(2)
        assert "lost" in [row["id"] for row in rows]
        assert await stage.dates() == ["2026-02-01T07:00", "2026-02-02T07:00"]

    play(scene)


def test_its_own_dates_wait_and_follow_when_it_has_ended(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(GATE)
        stage.serve()
        await stage.holds()
        await stage.backfill("2026-02-03", "2026-02-03")
        [run] = await stage.reached(1, "PAUSED")
        stage.clock.advance(timedelta(days=2))
        await stage.engine.resume(run["id"])
        for day in ("04", "05"):
            [own] = await stage.reached(1, "PAUSED")
            assert own["trigger"]["variables"]["date"].startswith(f"2026-02-{day}T07:00")
            await stage.engine.resume(own["id"])
        assert (await stage.told())["state"] == "DONE"

    play(scene)


def test_what_is_looked_up_for_each_date_is_looked_up_beside(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.engine.pairs("demo").set("word", "from the store")
        await stage.engine.pairs("demo").set("skip", "2026-02-02")
        await stage.deploy(
            inputs=[{"id": "word", "type": "STRING"}],
            of_trigger={"when": "{{ kv('skip') != (trigger.date | date('yyyy-MM-dd')) }}"},
        )
        stage.serve()
        await stage.backfill("2026-02-01", "2026-02-03", inputs={"word": "{{ kv('word') }}"})
        told = await stage.ended()
        rows = await stage.reached(2)
        assert (told["done"], told["total"]) == (3, 3)
        assert await stage.dates() == ["2026-02-01T07:00", "2026-02-03T07:00"]
        assert {row["inputs"]["word"] for row in rows} == {"from the store"}

    play(scene)


def test_a_text_that_disables_the_trigger_drops_it_and_so_does_deleting_the_flow(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        stage.serve()
        for drop in (
            lambda: stage.deploy(GATE, of_trigger={"disabled": True}),
            lambda: stage.engine.delete("demo.daily"),
        ):
            await stage.deploy(GATE)
            id = await stage.backfill("2026-02-01", "2026-02-02")
            await drop()
            assert (await stage.ended("STOPPED"))["id"] == id

    play(scene)


def test_a_date_that_ran_runs_again_in_each_backfill(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy()
        stage.serve()
        for n in (1, 2):
            id = await stage.backfill("2026-02-01", "2026-02-01")
            assert (await stage.ended())["id"] == id
            await stage.reached(n)
        assert await stage.dates() == ["2026-02-01T07:00"] * 2

    play(scene)


def test_disabling_drops_it_and_enabling_makes_up_for_missed_dates(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(GATE)
        scheduler = stage.serve()
        await stage.holds()
        await stage.backfill("2026-02-01", "2026-02-02")
        [run] = await stage.reached(1, "PAUSED")
        await trigger_control.switch(stage.engine, "demo.daily", disabled=True)
        await stage.engine.resume(run["id"])
        await stage.reached(1)
        assert (await stage.told())["state"] == "STOPPED"

        async def gone() -> bool:
            return not scheduler.entries

        await until(gone)
        with pytest.raises(Conflict, match="disabled"):
            await stage.backfill("2026-02-01", "2026-02-02")
        with pytest.raises(Conflict, match="disabled already"):
            await trigger_control.switch(stage.engine, "demo.daily", disabled=True)
        stage.clock.advance(timedelta(days=2))
        await trigger_control.switch(stage.engine, "demo.daily", disabled=False)
        [missed] = await stage.reached(1, "PAUSED")
        assert missed["trigger"]["variables"]["date"] == "2026-02-04T07:00:00+01:00"

    play(scene)


def test_stop_after_switches_the_schedule_off_and_drops_the_backfill(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        good = {**FAIL, "condition": "{{ (trigger.date | date('dd')) == '02' }}"}
        await stage.deploy(good, SAY, of_trigger={"stopAfter": ["FAILED"]})
        stage.serve()
        await stage.backfill("2026-01-31", "2026-02-03")
        await stage.ended("STOPPED")
        row = await stage.row()
        assert (row["disabled"], row["backfill"]) == (True, None)
        assert row["next_date"] is not None
        assert [one["state"] for one in await stage.executions()] == ["SUCCESS"] * 2 + ["FAILED"]

    play(scene)


def test_allow_concurrent_waits_for_nothing_and_still_stops(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        more = {"allowConcurrent": True, "stopAfter": ["FAILED"]}
        fail = {**FAIL, "condition": "{{ outputs.gate.onResume.word == 'no' }}"}
        gate = {**GATE, "onResume": [{"id": "word", "type": "STRING"}]}
        await stage.deploy(gate, fail, of_trigger=more)
        stage.serve()
        await stage.backfill("2026-01-30", "2026-02-02")
        rows = await stage.reached(4, "PAUSED")
        assert (await stage.ended())["executions"] == {"PAUSED": 4}
        await stage.engine.resume(rows[0]["id"], {"word": "no"})

        async def disabled() -> bool:
            return bool((await stage.row())["disabled"])

        await until(disabled)

    play(scene)


def test_unlocking_lets_the_next_date_run_beside_the_last_one(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(GATE)
        stage.serve()
        await stage.backfill("2026-02-01", "2026-02-02")
        await stage.reached(1, "PAUSED")
        await trigger_control.unlock(stage.engine, "demo.daily")
        await stage.reached(2, "PAUSED")
        assert (await stage.ended())["done"] == 2

    play(scene)


def test_conditions_choose_among_its_dates(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(of_trigger={"when": "{{ not isWeekend(trigger.date) }}"})
        stage.serve()
        await stage.backfill("2026-01-30", "2026-02-02")
        told = await stage.ended()
        await stage.reached(2)
        assert told["total"] == 2
        assert await stage.dates() == ["2026-01-30T07:00", "2026-02-02T07:00"]

    play(scene)


def test_the_text_of_a_new_schedule_begins_one_only_where_that_is_allowed(
    play: Callable[..., None], root: Path
) -> None:
    async def scene(stage: Stage) -> None:
        broken = {"start": ["no date"], "inputs": 3, "labels": 4}
        await stage.deploy(id="broken", of_trigger={"backfill": broken})
        await stage.deploy(of_trigger={"backfill": {"start": "2026-02-01T00:00:00Z"}})
        stage.serve()
        await stage.ended()
        await stage.reached(3)
        await stage.stop()
        stage.serve()
        await stage.holds()
        assert len(await backfills.listed(stage.engine)) == 1

    async def without(stage: Stage) -> None:
        flow = {"id": "other", "namespace": "demo", "tasks": [SAY]}
        trigger = {"id": "t", "type": "core.trigger.Schedule", "cron": "0 7 * * *"}
        trigger["backfill"] = {"start": "2026-02-01T00:00:00Z"}  # type: ignore[assignment]
        await stage.engine.deploy({**flow, "triggers": [trigger]})
        stage.serve()

        async def noted() -> list[Row]:
            return await stage.engine.store.query("triggers_of", namespace="demo", flow_id="other")

        await until(noted)
        assert await backfills.listed(stage.engine, "demo.other") == []

    play(scene, config="flowbook: {triggers: {yaml-backfill: true}}\n")
    (root / ".flowbook" / "config.yml").unlink()
    play(without)


def test_dates_are_meant_in_the_zone_of_the_schedule_and_days_whole(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy()
        of = {"workspace": stage.engine, "uid": "demo.daily", "trigger": None}
        by_day = await plan(**of, start=date(2026, 2, 1), end="2026-02-03")
        assert [f"{one:%d %H:%M %z}" for one in by_day.dates] == [
            "01 07:00 +0100",
            "02 07:00 +0100",
            "03 07:00 +0100",
        ]
        assert by_day.end == NOW
        by_hour = await plan(**of, start="2026-02-01T07:00", end="2026-02-02T06:59")
        assert len(by_hour.dates) == 1
        in_utc = await plan(**of, start="2026-02-01T06:00:01Z", end="2026-02-02T06:00:00Z")
        assert [f"{one:%d}" for one in in_utc.dates] == ["02"]

    play(scene)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param({"start": "soon"}, "start: 'soon' is no date: write it like", id="no date"),
        pytest.param({"start": "2026-03-01"}, "start: 2026-03-01 00:00", id="start to come"),
        pytest.param(
            {"start": "2026-01-01", "end": "2026-03-01"}, "is still to come", id="end to come"
        ),
        pytest.param(
            {"start": "2026-02-02", "end": "2026-02-01T00:00"}, "lies behind the end", id="turned"
        ),
        pytest.param(
            {"start": "2026-02-02T08:00", "end": "2026-02-03T06:00"}, "has no date", id="empty"
        ),
        pytest.param({"flow": "demo.dayly"}, "Unable to find flow", id="flow"),
        pytest.param({"trigger": "mornin"}, "Did you mean 'morning'", id="trigger"),
        pytest.param({"inputs": {"dya": "1"}}, "has no input 'dya'", id="input's name"),
        pytest.param({"inputs": {"n": "one"}}, "Invalid input for `n`", id="input's value"),
        pytest.param(
            {"flow": "demo.bare"}, "demo.bare reads no inputs, so n would change nothing", id="bare"
        ),
        pytest.param({}, "Missing required input|n", id="input missing"),
    ],
)
def test_wrong_input_is_said_before_anything_runs(
    play: Callable[..., None], asked: dict[str, Any], said: str
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(id="bare")
        await stage.deploy(inputs=[{"id": "n", "type": "INT"}])
        given = (
            {"start": "2026-02-01", "inputs": {"n": "1"}, **asked}
            if asked
            else {"start": "2026-02-01"}
        )
        with pytest.raises(FlowbookError, match=said):
            await stage.backfill(given.pop("start"), given.pop("end", None), **given)
        assert await backfills.listed(stage.engine) == []

    play(scene)


def test_thousands_of_dates_want_a_yes_and_one_goes_on_at_a_time(
    play: Callable[..., None],
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(cron="*/5 * * * *")
        with pytest.raises(Unconfirmed, match=r"9,6\d\d dates of demo\.daily\.morning would run"):
            await stage.backfill("2026-01-01")
        await stage.backfill("2026-01-01", confirm=True)
        with pytest.raises(
            Conflict, match=r"goes on, at 2026-01-01 00:00 CET \(0 of 9,6\d\d dates\)"
        ):
            await stage.backfill("2026-02-01", "2026-02-02")
        await stage.deploy(cron="* * * * * *", of_trigger={"withSeconds": True})
        await backfills.delete(stage.engine, "demo.daily")
        with pytest.raises(InputInvalid, match="more than 100,000 dates"):
            await stage.backfill("2026-02-01", confirm=True)

    play(scene)


def test_secrets_among_its_inputs_are_closed_in_the_history(play: Callable[..., None]) -> None:
    async def scene(stage: Stage) -> None:
        await stage.deploy(inputs=[{"id": "word", "type": "SECRET"}])
        await stage.backfill("2026-02-01", "2026-02-01", inputs={"word": "open-sesame"})
        kept = [await stage.row(), *await stage.engine.store.query("backfills_list")]
        assert "open-sesame" not in str(kept)
        assert "open-sesame" not in str(await stage.told())
        stage.serve()
        await stage.ended()
        [run] = await stage.reached(1)
        assert "open-sesame" not in str(run)

    play(scene)
