"""Flow triggers in an engine: what fires, what doesn't, what the new execution is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flowbook.engine.misses import watch_windows
from flowbook.engine.workspace import Workspace
from flowbook.kinds.state import State
from flowbook.workspace import trust
from flowbook.workspace.masking import STARS

from .trigger_stage import (
    CONDITION,
    FAIL,
    LOG,
    PATIENCE,
    PAUSE,
    RETURN,
    SLEEP,
    TRIGGER,
    Row,
    Scene,
    Stage,
    on,
)


def test_every_transition_fires(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        pause = {"type": PAUSE, "pauseDuration": "PT1H"}
        await at.upstream("a", {"type": RETURN, "format": "1"}, pause)
        await at.follower(
            on={"states": ["RUNNING", "PAUSED", "SUCCESS"], **on("a")},
            inputs=[{"id": "n", "type": "STRING", "required": False}],
        )
        await at.run("a")
        rows = await at.started()
        histories = [row["trigger"]["variables"]["state"] for row in rows]
        assert sorted(histories) == ["PAUSED", "RUNNING", "RUNNING", "SUCCESS"]
        assert [f"{row['created_at']:%H:%M}" for row in rows] == ["07:00"] * 2 + ["08:00"] * 2

    play(scene)


def test_end_states_and_pauses_are_looked_at_unless_others_are_named(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        pause = {"type": PAUSE, "pauseDuration": "PT1H"}
        await at.upstream("a", pause)
        await at.follower(on=on("a"))
        await at.follower("older", on=on("a"), dialect="seed")
        await at.run("a")
        assert await at.said() == ["a PAUSED", "a SUCCESS"]
        assert await at.said("older") == ["a SUCCESS"]

    play(scene)


def test_nothing_fires_for_its_own_flow_for_drafts_or_when_switched_off(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        namespace = at.namespace
        everything = {
            "conditions": [{"type": f"{CONDITION}ExecutionNamespace", "namespace": namespace}]
        }
        await at.upstream("a")
        await at.follower(on=everything)
        await at.follower("off", on={**everything, "disabled": True})
        await at.follower("whole", on=everything, disabled=True)
        draft = {
            "id": "b",
            "namespace": namespace,
            "tasks": [{"id": "t", "type": LOG, "message": "x"}],
        }
        await at.workspace.wait(await at.workspace.run(draft))
        await at.run("a")
        assert await at.said() == ["a SUCCESS"]
        assert [await at.started("off"), await at.started("whole")] == [[], []]

    play(scene)


def test_a_trigger_switched_off_by_hand_is_silent_until_it_is_on_again(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        await at.follower(on=on("a"))
        named = {"namespace": at.namespace, "flow_id": "after", "trigger_id": "on"}
        for disabled in (True, False):
            await at.workspace.store.transact("save_trigger", **named, disabled=disabled)
            await at.run("a", labels={"off": str(disabled)})
        labels = [row["trigger"]["variables"]["executionLabels"] for row in await at.started()]
        assert [one["off"] for one in labels] == ["False"]

    play(scene)


def test_nothing_fires_in_a_workspace_that_nobody_has_trusted(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        await at.follower(on=on("a"))
        trust.distrust(at.workspace.place)
        at.workspace.triggering.triggers.forget()
        await at.run("a")
        assert await at.started() == []
        trust.trust(at.workspace.place)
        await at.run("a")
        assert await at.said() == ["a SUCCESS"]

    play(scene)


def test_the_new_execution_is_told_of_the_one_before(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream(
            "a",
            {"type": RETURN, "format": "made"},
            labels={"team": "blue"},
            outputs=[{"id": "rows", "type": "INT", "value": "{{ 7 }}"}],
        )
        await at.follower(
            on={
                **on("a"),
                "inputs": {
                    "task": "{{ outputs.t1.value }}",
                    "rows": "{{ trigger.outputs.rows }}",
                    "same": "{{ trigger.outputs.a.rows }}",
                    "state": "{{ execution.state }} of {{ flow.id }}",
                },
            },
            inputs=[
                {"id": "task", "type": "STRING"},
                {"id": "rows", "type": "INT"},
                {"id": "same", "type": "INT"},
                {"id": "state", "type": "STRING"},
            ],
        )
        run_id = await at.run("a")
        [row] = await at.started()
        assert row["inputs"] == {"task": "made", "rows": 7, "same": 7, "state": "SUCCESS of a"}
        told = row["trigger"]["variables"]
        assert (row["trigger"]["id"], row["trigger"]["type"]) == ("on", TRIGGER)
        assert {name: told[name] for name in told if name not in ("startDate", "endDate")} == {
            "executionId": run_id,
            "namespace": at.namespace,
            "flowId": "a",
            "flowRevision": 1,
            "state": "SUCCESS",
            "outputs": {"rows": 7, "a": {"rows": 7}},
            "executionLabels": {"team": "blue", "system": {"correlationId": run_id}},
            "lastTaskId": "t1",
        }
        assert datetime.fromisoformat(told["endDate"]) >= datetime.fromisoformat(told["startDate"])

    play(scene)


def test_what_has_started_the_one_before_is_seen_too(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        taken = {**on("a"), "inputs": {"day": "{{ trigger.date }} {{ trigger.flowId }}"}}
        await at.follower(on=taken, inputs=[{"id": "day", "type": "STRING"}])
        schedule = {"id": "daily", "type": "x.Schedule", "variables": {"date": "2025-03-05"}}
        await at.run("a", trigger=schedule)
        [row] = await at.started()
        assert row["inputs"] == {"day": "2025-03-05 a"}
        assert "date" not in row["trigger"]["variables"]

    play(scene)


def test_the_first_task_that_failed_is_named(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        inner = [{"id": "breaks", "type": FAIL}]
        await at.upstream(
            "a",
            {"type": "io.kestra.plugin.core.flow.Sequential", "tasks": inner},
            errors=[{"id": "alarm", "type": LOG, "message": "!"}],
        )
        await at.follower(on=on("a"))
        await at.run("a")
        [row] = await at.started()
        told = row["trigger"]["variables"]
        assert (told["firstFailedTaskId"], told["lastTaskId"]) == ("breaks", "alarm")

    play(scene)


def test_labels_are_the_flows_the_triggers_and_the_correlation(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a", labels={"team": "blue"})
        labels = {
            "of": "{{ trigger.flowId }}",
            "team": "{{ labels.team }}",
            "none": "{{ null }}",
            "wrong": "{{ nothing.there }}",
            "system.username": "ada",
        }
        await at.follower(on={**on("a"), "labels": labels}, labels={"own": "yes"})
        run_id = await at.run("a")
        [row] = await at.started()
        assert {each["key"]: each["value"] for each in row["labels"]} == {
            "own": "yes",
            "of": "a",
            "team": "blue",
            "none": "",
            "system.correlationId": run_id,
        }
        lines = await at.workspace.logs(row["id"], level="WARN")
        assert [line["message"].partition(":")[0] for line in lines] == [
            "Label 'wrong' is left out",
            "Label 'system.username' is left out",
        ]

    play(scene)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        pytest.param({"n": "{{ outputs.nothing }}"}, "Unable to find `nothing`", id="not-rendered"),
        pytest.param({"n": "many"}, "many", id="refused"),
        pytest.param({}, "n", id="missing"),
    ],
)
def test_inputs_that_cannot_be_had_leave_a_failed_execution(
    play: Callable[[Scene], None], inputs: Row, said: str
) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        await at.follower(on={**on("a"), "inputs": inputs}, inputs=[{"id": "n", "type": "INT"}])
        await at.run("a")
        [row] = await at.started()
        begins = f"Failed to trigger flow {at.namespace}.after, invalid inputs: "
        assert row["state"] == "FAILED"
        assert row["error"]["message"].startswith(begins)
        assert said in row["error"]["message"]

    play(scene)


@pytest.mark.parametrize(
    ("narrowed", "fires"),
    [
        pytest.param({"when": "{{ state == 'SUCCESS' }}"}, True, id="when"),
        pytest.param({"when": "{{ outputs.rows > 10 }}"}, False, id="when-outputs"),
        pytest.param({"when": "{{ execution.outputs.rows == 7 }}"}, True, id="when-execution"),
        pytest.param({"when": "{{ flow.id == 'a' and labels.team == 'blue' }}"}, True, id="page"),
        pytest.param({"when": "{{ hasRetryAttempt }}"}, False, id="when-retry"),
        pytest.param(
            {
                "conditions": [
                    {
                        "type": f"{CONDITION}Expression",
                        "expression": "{{ outputs.t1.value == 'done' }}",
                    }
                ]
            },
            True,
            id="expression",
        ),
        pytest.param(
            {
                "conditions": [
                    {
                        "type": f"{CONDITION}ExecutionOutputs",
                        "expression": "{{ trigger.outputs.rows > 5 }}",
                    },
                    {"type": f"{CONDITION}ExecutionStatus", "in": ["SUCCESS"]},
                ]
            },
            True,
            id="outputs",
        ),
        pytest.param(
            {"conditions": [{"type": f"{CONDITION}ExecutionLabels", "labels": {"team": "red"}}]},
            False,
            id="labels",
        ),
        pytest.param(
            {
                "preconditions": {
                    "id": "p",
                    "where": [
                        {
                            "id": "w",
                            "filters": [
                                {
                                    "field": "EXPRESSION",
                                    "type": "IS_TRUE",
                                    "value": "{{ labels.team == 'blue' }}",
                                },
                                {"field": "STATE", "type": "IN", "values": ["SUCCESS", "WARNING"]},
                            ],
                        }
                    ],
                }
            },
            True,
            id="where",
        ),
    ],
)
def test_conditions_are_about_the_execution_before(
    play: Callable[[Scene], None], narrowed: Row, fires: bool
) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream(
            "a",
            labels={"team": "blue"},
            outputs=[{"id": "rows", "type": "INT", "value": "{{ 7 }}"}],
        )
        here = {"type": f"{CONDITION}ExecutionNamespace", "namespace": at.namespace}
        conditions = [here, *narrowed.get("conditions", [])]
        await at.follower(on={**narrowed, "conditions": conditions})
        await at.run("a")
        assert await at.said() == (["a SUCCESS"] if fires else [])
        assert await at.warnings() == []

    play(scene)


def test_a_condition_that_cannot_render_is_false_with_a_warning(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        await at.follower(on={"dependsOn": [{"flowId": "a", "when": "{{ nothing.there }}"}]})
        await at.run("a")
        assert await at.started() == []
        [warning] = await at.warnings()
        assert warning.startswith(f"A condition is false ({at.namespace}.a ")
        assert "Unable to find `nothing`" in warning

    play(scene)


def test_a_trigger_that_fails_is_seen_if_that_is_wanted(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        waits = {"dependsOn": [{"flowId": "a", "when": "{{ nothing.there }}"}]}
        await at.follower(on={**waits, "failOnTriggerError": True})
        await at.run("a")
        [row] = await at.started()
        assert row["state"] == "FAILED"
        assert row["error"]["message"].startswith("Unable to find `nothing`")

    play(scene)


def test_secrets_of_the_execution_before_stay_closed(play: Callable[[Scene], None]) -> None:
    secret = "cor-rect horse/battery"

    async def scene(at: Stage) -> None:
        await at.upstream(
            "a",
            {"type": LOG, "message": "hi"},
            inputs=[{"id": "token", "type": "SECRET"}],
            outputs=[{"id": "of", "type": "STRING", "value": "with {{ inputs.token }}"}],
        )
        labels, wanted = {"of": "{{ trigger.outputs.of }}"}, [{"id": "n", "type": "STRING"}]
        for name, text in (("after", "{{ inputs.token }}"), ("fails", "{{ nothing }}")):
            taken = {**on("a"), "labels": labels, "inputs": {"n": text}}
            await at.follower(name, on=taken, inputs=wanted)
        await at.run("a", inputs={"token": secret})
        await at.workspace.records.durable()
        tables = ("events", "executions", "logs", "triggers", "fires", "windows")
        rows = [await at.workspace.store.query(f"select * from {table}") for table in tables]
        assert secret not in str(rows)
        [one], [other] = await at.started(), await at.started("fails")
        assert (one["state"], other["state"]) == ("SUCCESS", "FAILED")
        seen = await at.workspace.evaluate(one["id"], "{{ inputs.n }} {{ trigger.outputs.of }}")
        assert seen == f"{STARS} with {STARS}"

    play(scene)


def test_a_trigger_that_is_no_more_leaves_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        await at.follower(on=on("a", "b"))
        await at.follower("later", on=on("a", "b"))
        await at.run("a")
        await at.workspace.delete(f"{at.namespace}.after")
        await at.upstream("later")
        watching = asyncio.create_task(watch_windows(at.workspace))
        gone = False
        while not gone:
            rows = await at.workspace.store.query("flow_triggers_noted", type=TRIGGER)
            gone = at.namespace not in {row["namespace"] for row in rows}
        watching.cancel()
        await at.follower(on=on("a", "b"))
        await at.upstream("b")
        await at.run("b")
        assert await at.started() == []

    play(scene)


def test_stop_after_switches_the_trigger_off(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        await at.upstream("a")
        fails = [{"id": "breaks", "type": FAIL}]
        await at.follower(on={**on("a"), "stopAfter": ["FAILED"]}, tasks=fails)
        await at.run("a")
        await at.run("a")
        assert [row["state"] for row in await at.started()] == ["FAILED"]
        [row] = await at.workspace.store.query(
            "triggers_of", namespace=at.namespace, flow_id="after"
        )
        assert row["disabled"]

    play(scene)


def test_a_change_of_state_waits_for_triggers_that_are_being_read(
    play: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(at: Stage) -> None:
        store, asked, answers = at.workspace.store, asyncio.Event(), asyncio.Event()
        query = store.query

        async def slowly(name: str, /, **given: Any) -> Any:
            if name == "flows_with_flow_triggers":
                asked.set()
                await answers.wait()
            return await query(name, **given)

        monkeypatch.setattr(store, "query", slowly)
        await at.upstream("a")
        await at.follower(on=on("a"))
        reading = asyncio.create_task(at.workspace.triggering.triggers.ready())
        await asked.wait()
        running = asyncio.create_task(at.run("a"))
        await asyncio.wait({running}, timeout=0.5)
        answers.set()
        await asyncio.gather(reading, running)
        assert await at.said() == ["a SUCCESS"]

    play(scene)


def test_flows_without_flow_triggers_pay_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def scene() -> None:
        async with await Workspace.open(tmp_path, embedded=True) as workspace:
            await workspace.deploy(
                {"id": "a", "namespace": "b", "tasks": [{"id": "t", "type": PAUSE}]}
            )
            first = await workspace.run("b.a")
            await resumed(workspace, first)
            query, transact = workspace.store.query, workspace.store.transact

            def noted(ask: Any) -> Any:
                def asks(name: str, /, **given: Any) -> Any:
                    asked.append(name)
                    return ask(name, **given)

                return asks

            monkeypatch.setattr(workspace.store, "query", noted(query))
            monkeypatch.setattr(workspace.store, "transact", noted(transact))
            for _ in range(3):
                await resumed(workspace, await workspace.run("b.a"))
            await workspace.triggering.make_up()
            assert await query("select * from fires") == []

    async def resumed(workspace: Workspace, run_id: str) -> None:
        async for _ in workspace.changes(run_id):
            if workspace.drivers[run_id].execution.state is State.PAUSED:
                break
        await workspace.resume(run_id)
        await workspace.wait(run_id)

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))
    about = {"flows_with_flow_triggers", "fires_left", "flow_event", "forget_fire"}
    assert [name for name in asked if name in about] == []


def test_flows_that_start_each_other_come_to_an_end(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        await at.follower("ping", on=on("pong"))
        await at.follower("pong", on=on("ping"))
        await at.run("ping")
        rows = [*await at.started("ping"), *await at.started("pong")]
        assert len(rows) == 52
        [last] = [row for row in rows if row["state"] == "FAILED"]
        assert last["error"]["message"] == (
            "More than 50 executions have started each other within moments"
        )

    play(scene)


def test_flows_that_take_their_time_may_start_each_other_for_ever(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        tasks = [{"id": "work", "type": SLEEP, "duration": "PT1H"}]
        for one, other in (("ping", "pong"), ("pong", "ping")):
            await at.follower(one, on=on(other), tasks=tasks)
        with at.workspace.clock.working():
            await at.workspace.run(f"{at.namespace}.ping")
        await at.at(60.5)
        rows = [*await at.started("ping"), *await at.started("pong")]
        assert len(rows) == 61
        for row in rows:
            await at.workspace.store.transact(
                "disable_flow", namespace=at.namespace, id=row["flow_id"]
            )
        at.workspace.triggering.triggers.forget()
        await at.quiet()

    play(scene)
