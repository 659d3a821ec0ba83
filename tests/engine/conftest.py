"""A workspace on the virtual clock that several tests share, each in a namespace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from flowbook.clock import VirtualClock
from flowbook.engine.timers import Timers
from flowbook.engine.workspace import Workspace

from .trigger_stage import (
    MORNING,
    PATIENCE,
    Scene,
    Stage,
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Workspace]]:
    """A workspace and the loop it lives on."""
    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path_factory.mktemp("person")))
        folder = tmp_path_factory.mktemp("triggers")
        workspace = runner.run(Workspace.open(folder, clock=VirtualClock(), embedded=True))
        yield runner, workspace
        runner.run(workspace.close())


@pytest.fixture
def play(
    stage: tuple[asyncio.Runner, Workspace], request: pytest.FixtureRequest
) -> Callable[[Scene], None]:
    """Play a scene in a namespace of its own, from seven in the morning on."""
    runner, workspace = stage
    namespace = request.node.name.replace("_", "-").replace("[", ".").replace("]", "").lower()

    async def with_clock(scene: Scene) -> None:
        clock = VirtualClock(MORNING)
        workspace.clock, workspace.timers = clock, Timers(clock)
        try:
            await scene(Stage(workspace, namespace))
        finally:
            await workspace.timers.close()

    def played(scene: Scene) -> None:
        runner.run(asyncio.wait_for(with_clock(scene), PATIENCE))

    return played
