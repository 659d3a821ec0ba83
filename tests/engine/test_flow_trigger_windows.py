"""Flow triggers that wait for several executions: modes, windows, what is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from flowbook.engine.misses import watch_windows

from .trigger_stage import (
    CONDITION,
    LOG,
    Row,
    Scene,
    Stage,
    on,
)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param({"mode": "ALL"}, ["c SUCCESS"], id="all"),
        pytest.param({"mode": "ANY"}, ["a SUCCESS", "b SUCCESS", "c SUCCESS"], id="any"),
        pytest.param({"mode": "AT_LEAST", "minSatisfied": 2}, ["b SUCCESS"], id="at-least"),
    ],
)
def test_several_executions_are_waited_for(
    play: Callable[[Scene], None], mode: Row, expected: list[str]
) -> None:
    async def scene(at: Stage) -> None:
        for name in "abc":
            await at.upstream(name, outputs=[{"id": "of", "type": "STRING", "value": name}])
        await at.follower(on={**on("a", "b", "c"), **mode})
        for hour, name in enumerate("abc"):
            await at.at(hour / 4)
            await at.run(name)
        assert await at.said() == expected

    play(scene)


def test_outputs_of_all_that_were_waited_for_are_at_hand(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        for name in "ab":
            await at.upstream(name, outputs=[{"id": "of", "type": "STRING", "value": name}])
        await at.follower(on=on("a", "b"))
        await at.run("a")
        await at.run("b")
        [row] = await at.started()
        assert row["trigger"]["variables"]["outputs"] == {"a": {"of": "a"}, "b": {"of": "b"}}

    play(scene)


def test_files_of_all_that_were_waited_for_can_be_read(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        write = "io.kestra.plugin.core.storage.Write"
        for name in "ab":
            await at.upstream(
                name,
                {"type": write, "content": f"made by {name}"},
                outputs=[{"id": "file", "type": "STRING", "value": "{{ outputs.t1.uri }}"}],
            )
        read = "{{ read(trigger.outputs.a.file) }}, {{ read(trigger.outputs.b.file) }}"
        await at.follower(on=on("a", "b"), tasks=[{"id": "say", "type": LOG, "message": read}])
        await at.run("a")
        await at.run("b")
        [row] = await at.started()
        said = [line["message"] for line in await at.workspace.logs(row["id"])]
        assert "made by a, made by b" in said

    play(scene)


def test_multiple_conditions_of_older_flows(play: Callable[[Scene], None]) -> None:
    async def scene(at: Stage) -> None:
        for name in "ab":
            await at.upstream(name)
        of_flow = {
            name: {"type": f"{CONDITION}ExecutionFlow", "namespace": at.namespace, "flowId": name}
            for name in "ab"
        }
        several = {
            "type": f"{CONDITION}MultipleCondition",
            "id": "both",
            "window": "PT1H",
            "conditions": of_flow,
        }
        await at.follower(on={"conditions": [several]})
        await at.run("a")
        await at.at(1.1)
        await at.run("b")
        assert await at.said() == []
        await at.run("a")
        assert await at.said() == ["a SUCCESS"]

    play(scene)


@pytest.mark.parametrize(
    ("runs", "failed_at"),
    [
        pytest.param(["a"], ["09:00"], id="only-one"),
        pytest.param(["a", "b"], [], id="both"),
        pytest.param([], ["09:00"], id="none"),
    ],
)
def test_a_missed_window_leaves_one_failed_execution(
    play: Callable[[Scene], None], runs: list[str], failed_at: list[str]
) -> None:
    async def scene(at: Stage) -> None:
        for name in "ab":
            await at.upstream(name)
        await at.follower(
            on=on(
                "a",
                "b",
                window={"deadline": "09:00:00", "timezone": "UTC"},
                onMiss={"behavior": "FAIL", "labels": {"late": "{{ flow.id }}"}},
            )
        )
        watching = asyncio.create_task(watch_windows(at.workspace))
        try:
            for name in runs:
                await at.run(name)
            await at.at(2.5)
            await at.quiet()
            await at.run("b")
        finally:
            watching.cancel()
        rows = [row for row in await at.started() if row["state"] == "FAILED"]
        assert [f"{row['created_at']:%H:%M}" for row in rows] == failed_at, [
            r["error"] for r in rows
        ]
        assert len(await at.started()) == 1
        for row in rows:
            assert {"key": "late", "value": "after"} in row["labels"]
            assert row["error"]["message"].startswith("Not all that was waited for came by ")

    play(scene)


def test_a_window_missed_while_nobody_was_there_is_told_later(
    play: Callable[[Scene], None],
) -> None:
    async def scene(at: Stage) -> None:
        window = {"every": "PT1H", "timezone": "UTC"}
        await at.follower(on=on("a", window=window, onMiss={"behavior": "FAIL"}))
        for hours in (0.5, 10.5):
            await at.at(hours)
            watching = asyncio.create_task(watch_windows(at.workspace))
            await at.at(hours + 0.1)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await at.quiet()
        [row] = await at.started()
        assert row["error"]["message"].endswith("2025-03-05T08:00:00Z")

    play(scene)
