"""A real Jupyter Server with the extension, in a workspace of its own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

# fixtures and hooks for this folder alone: as a plugin it would be everybody's
from pytest_jupyter.jupyter_server import *  # noqa: F403

QUICK = """\
id: quick
namespace: demo
inputs:
  - {id: name, type: STRING, defaults: Ada}
tasks:
  - {id: greet, type: core.debug.Return, format: "Hello {{ inputs.name }}"}
"""
LONG = """\
id: long
namespace: demo
tasks:
  - {id: wait, type: core.flow.Sleep, duration: PT120S}
"""
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No workspace from outside, and none that is left for the next test."""
    monkeypatch.setenv("FLOWBOOK_HOME", "unset")
    monkeypatch.delenv("FLOWBOOK_HOME")


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {"ServerApp": {"jpserver_extensions": {"flowbook": True}}}


@pytest.fixture
def root(jp_root_dir: Path) -> Path:
    """The folder the server serves."""
    return jp_root_dir


@pytest.fixture
def write_flow(root: Path) -> Callable[[str, str], Path]:
    """Put a flow into `flows/`."""

    def written(name: str, text: str) -> Path:
        path = root / "flows" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return written


class Reached:
    """The workspace that the server has opened, from a test: made and trusted by hand."""

    def __init__(self, host: Any) -> None:
        from flowbook.workspace.trust import trust

        self.host = host
        host.place.create()
        trust(host.place)

    async def deploy(self, text: str) -> None:
        opened = await self.host.open()
        await self.host.wait(opened.deploy(text))

    async def run(self, uid: str, **options: Any) -> str:
        opened = await self.host.open()
        return str(await self.host.wait(opened.run(uid, **options)))

    async def end(self, run_id: str) -> None:
        opened = await self.host.open()
        await self.host.wait(opened.wait(run_id, PATIENCE))

    async def kill(self, run_id: str) -> None:
        opened = await self.host.open()
        await self.host.wait(opened.kill(run_id))
        await self.end(run_id)


@pytest.fixture
def workspace(jp_serverapp: Any) -> Reached:
    return Reached(jp_serverapp.web_app.settings["flowbook_host"])


@pytest.fixture
def fetch(jp_fetch: Any) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Ask a route below `/flowbook` with the token; the body of its answer."""

    async def fetched(path: str, **options: Any) -> Any:
        response = await jp_fetch("flowbook", *path.split("/"), **options)
        return json.loads(response.body) if response.body else None

    return fetched


async def until(holds: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """The first true answer, asked again until there is one."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := await holds()):
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.05)
    return answer
