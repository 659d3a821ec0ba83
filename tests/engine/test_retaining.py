"""Old history is removed: as the configuration and single flows say, once an hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from flowbook.clock import VirtualClock
from flowbook.engine.retaining import retain, retention, sweep_now
from flowbook.engine.timers import Timers
from flowbook.engine.workspace import Workspace

TASKS = [{"id": "note", "type": "io.kestra.plugin.core.log.Log", "message": "hi"}]


@asynccontextmanager
async def opened(folder: Path, config: str = "") -> AsyncIterator[Workspace]:
    if config:
        (folder / ".flowbook").mkdir()
        (folder / ".flowbook" / "config.yml").write_text(config)
    async with await Workspace.open(folder, embedded=True) as workspace:
        yield workspace


async def ran(workspace: Workspace, name: str, **more: Any) -> str:
    await workspace.deploy({"id": name, "namespace": "tests", "tasks": TASKS, **more})
    execution_id = await workspace.run(f"tests.{name}")
    await workspace.wait(execution_id)
    return execution_id


async def ids(workspace: Workspace) -> set[str]:
    return {row["id"] for row in await workspace.history.executions()}


def test_a_flow_says_how_long_its_own_history_is_kept(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as workspace:
            own = {"retention": {"executions": "P10D"}}
            short = [await ran(workspace, "short", **own) for _ in range(2)]
            usual = [await ran(workspace, "usual") for _ in range(2)]
            later = VirtualClock(workspace.clock.now() + timedelta(days=11))
            workspace.clock = later
            would = await sweep_now(workspace, dry_run=True)
            assert [row["id"] for row in would.executions] == short[:1]
            assert await ids(workspace) == {*short, *usual}
            await sweep_now(workspace)
            assert await ids(workspace) == {short[1], *usual}

    asyncio.run(scene())


def test_the_configuration_says_how_long(tmp_path: Path) -> None:
    async def scene() -> None:
        config = "flowbook:\n  retention: {executions: P5D, logs: never}\n"
        async with opened(tmp_path, config) as workspace:
            kept = await retention(workspace)
            assert kept.executions == timedelta(days=5)
            assert kept.logs is None

    asyncio.run(scene())


def test_it_happens_by_itself_every_hour(tmp_path: Path) -> None:
    async def scene() -> None:
        async with opened(tmp_path) as workspace:
            old = [await ran(workspace, "old") for _ in range(2)]
            clock = VirtualClock(workspace.clock.now() + timedelta(days=89, hours=23))
            await workspace.timers.close()
            workspace.clock, workspace.timers = clock, Timers(clock)
            task = asyncio.create_task(retain(workspace))
            await clock.until(clock.now() + timedelta(minutes=30))
            assert await ids(workspace) == set(old)
            await clock.until(clock.now() + timedelta(hours=2))
            assert await ids(workspace) == {old[1]}
            task.cancel()

    asyncio.run(scene())
