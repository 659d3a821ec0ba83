"""Workspaces and servers that fire schedules for real."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
TOKEN = "scheduling"
PATIENCE = 45.0


def flow(
    id: str = "tick",
    *,
    trigger: str = "",
    task: str = "core.debug.Return, format: hi",
    more: str = "",
) -> str:
    """A flow with a schedule of every second."""
    return (
        f"id: {id}\nnamespace: demo\n{more}tasks:\n  - {{id: one, type: {task}}}\n"
        "triggers:\n  - id: often\n    type: core.trigger.Schedule\n"
        f'    cron: "* * * * * *"\n    withSeconds: true\n    timezone: Asia/Tokyo\n{trigger}'
    )


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A person who has trusted nothing yet."""
    given = {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "person"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "rt"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(REPOSITORY / "kernel_ext"),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FLOWBOOK_HOME", raising=False)
    return given


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@dataclass
class Firing:
    """An engine that holds the lease."""

    engine: Any
    scheduler: Any

    async def executions(self, flow_id: str = "tick") -> list[dict[str, Any]]:
        """Oldest first."""
        found = await self.engine.history.executions(flow_id=flow_id, limit=1000)
        return list(reversed(found))

    async def fired(self, count: int, flow_id: str = "tick") -> list[dict[str, Any]]:
        """The executions, once there are so many that are over."""

        async def enough() -> list[dict[str, Any]] | None:
            over = [row for row in await self.executions(flow_id) if row["ended_at"]]
            return over if len(over) >= count else None

        return list(await until(enough))


Fire = Callable[..., Any]


@pytest.fixture
def firing(root: Path) -> Callable[[], Any]:
    """An engine on the workspace that fires while the block lasts."""

    @asynccontextmanager
    async def opened(
        before: Callable[[Any], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Firing]:
        from flowbook.engine.firing import hold, scheduler_of
        from flowbook.engine.workspace import Workspace

        async with await Workspace.open(root, kind="server", embedded=True) as engine:
            if before is not None:
                await before(engine)
            scheduler = scheduler_of(engine)
            holding = asyncio.create_task(hold(engine, scheduler))
            try:
                yield Firing(engine, scheduler)
            finally:
                holding.cancel()
                await asyncio.gather(holding, return_exceptions=True)

    return opened


async def until(holds: Callable[[], Awaitable[Any]], patience: float = PATIENCE) -> Any:
    """The first true answer, asked again until there is one."""
    deadline = time.monotonic() + patience
    while not (answer := await holds()):
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.05)
    return answer


@dataclass
class Server:
    """`flowbook server` in a process of its own."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}", headers={"Authorization": f"token {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body.startswith((b"{", b"[")) else body.decode()

    def executions(self) -> list[dict[str, Any]]:
        return list(self.get("api/v1/executions/search?size=1000")["results"])

    def wait(self, holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """The first true answer, asked again until there is one."""
        deadline = time.monotonic() + patience
        while not (answer := holds()):
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.1)
        return answer


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], Server]]:
    """Start servers; all are stopped at the end."""
    started: list[Server] = []

    def served(folder: Path) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = tmp_path / f"server-{len(started)}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "flowbook", "server", f"--port={port}", "--allow-root"),
                    *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"),
                ],
                env=dict(os.environ),
                cwd=folder,
                stdout=out,
                stderr=out,
            )
        server = Server(process, f"http://127.0.0.1:{port}", log)
        started.append(server)

        def answers() -> bool:
            try:
                return bool(server.get("ping") == "pong")
            except OSError:
                return False

        server.wait(answers)
        return server

    yield served
    for server in started:
        server.process.terminate()
    for server in started:
        server.process.wait(30)
