"""A real context for parts: files on disk, real expressions, real processes, a real HTTP server."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flowbook.errors import Conflict, TaskFailed
from flowbook.expressions.render import render, render_deep, truthy
from flowbook.expressions.scope import Scope
from flowbook.kinds.dynamic import Template
from flowbook.kinds.find import find
from flowbook.kinds.task import Level, Output, RunnableTask


class Pairs:
    """Key-value pairs in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    async def get(self, key: str) -> Mapping[str, Any] | None:
        return self.kept.get(key)

    async def set(self, key: str, value: Any, *, overwrite: bool = True, **more: Any) -> None:
        if not overwrite and key in self.kept:
            raise Conflict(key)
        self.kept[key] = {"value": value, **more}

    async def keys(self, prefix: str = "") -> list[str]:
        return [key for key in self.kept if key.startswith(prefix)]

    async def delete(self, key: str) -> bool:
        return self.kept.pop(key, None) is not None


class Attempt:
    """One attempt of one task run, with its files under a folder."""

    namespace = "demo"
    flow_id = "trial"
    execution_id = "e1"
    task_id = "it"
    task_run_id = "t1"
    attempt = 1

    def __init__(self, root: Path, dialect: str = "kestra", **variables: Any) -> None:
        self.dialect = dialect
        self.workspace_root = root
        self.flow_folder = root
        self.directory = _made(root / "work")
        self.run_folder = _made(root / "run")
        self.store = _made(root / "storage")
        self.variables: dict[str, Any] = {"inputs": {}, "outputs": {}, "labels": {}, **variables}
        self.secrets: Sequence[str] = ()
        self.logs: list[tuple[str, str]] = []
        self.metrics: dict[str, tuple[float, str, dict[str, str]]] = {}
        self.shown: list[tuple[float | None, str]] = []
        self.slept: list[float] = []
        self.pairs: dict[str, Pairs] = {}
        self.heard = asyncio.Event()
        """Set whenever something is logged."""

    def scope(self, extra: Mapping[str, Any] | None = None) -> Scope:
        return Scope({**self.variables, **(extra or {})}, dialect=self.dialect)

    async def render(self, value: Any) -> Any:
        if not isinstance(value, Template):
            return value
        text = value.target is str or value.target == (str | None)
        return value.read(render_deep(value.source, self.scope(), typed=not text))

    async def render_text(self, source: str, extra: Mapping[str, Any] | None = None) -> str:
        return render(source, self.scope(extra))

    async def render_json(self, source: Any, *, typed: bool = True) -> Any:
        if isinstance(source, Template):
            source = source.source
        return render_deep(source, self.scope(), typed=typed)

    async def truth(self, condition: str, extra: Mapping[str, Any] | None = None) -> bool:
        return truthy(condition, self.scope(extra))

    def log(self, level: Level | str, message: str) -> None:
        self.logs.append((str(level), message))
        self.heard.set()

    def metric(self, name: str, value: float, kind: str = "counter", **tags: str) -> None:
        self.metrics[name] = (value, kind, tags)

    def progress(self, fraction: float | None, text: str = "") -> None:
        self.shown.append((fraction, text))

    def cell(self, row: Mapping[str, Any]) -> None:
        raise NotImplementedError

    async def put(self, source: Path | bytes, name: str) -> str:
        content = source if isinstance(source, bytes) else source.read_bytes()
        target = _made(self.store / uuid4().hex[:6]) / name
        target.write_bytes(content)
        target.chmod(0o444)
        return f"kestra:///{target.relative_to(self.store)}"

    async def put_table(self, path: Path, name: str, *, as_list: bool = False) -> Any:
        import pyarrow.parquet

        uri = await self.put(path, f"{name}.parquet")
        return {"$table": uri, "rows": pyarrow.parquet.read_table(path).num_rows, "list": as_list}

    async def fetch(self, uri: str) -> Path:
        path = self.store / uri.removeprefix("kestra:///")
        if not path.is_file():
            raise TaskFailed(f"No file at {uri}")
        return path

    def stored(self, uri: str) -> bytes:
        return (self.store / uri.removeprefix("kestra:///")).read_bytes()

    async def kv(self, namespace: str | None = None) -> Pairs:
        return self.pairs.setdefault(namespace or self.namespace, Pairs())

    def conceal(self, value: str) -> None:
        self.secrets = (*self.secrets, value)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SECRET_", "FLOWBOOK_"))}
        return {**kept, "FLOWBOOK_RUN": str(self.run_folder), **(extra or {})}

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def lines(self, level: str | None = None) -> list[str]:
        return [message for at, message in self.logs if level in (None, at)]

    async def until_heard(self, text: str, timeout: float = 20) -> str:
        """Wait for a log line that holds a text."""

        async def heard() -> str:
            while True:
                for line in self.lines():
                    if text in line:
                        return line
                self.heard.clear()
                await self.heard.wait()

        return await asyncio.wait_for(heard(), timeout)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def task(type_name: str, **properties: Any) -> Any:
    """A task as it would be read from a flow."""
    part = find("task", f"io.kestra.plugin.{type_name}")
    assert part is not None, type_name
    return part.model_validate({"id": "it", "type": type_name, **properties})


async def outputs_of(part: RunnableTask, context: Any) -> dict[str, Any]:
    """Run a task and give its outputs as a map."""
    result = await part.run(context)
    return dict(result.values if isinstance(result, Output) else result or {})


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


@pytest.fixture
def seed_attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path, dialect="seed")


@pytest.fixture
def run_task(attempt: Attempt) -> Callable[..., dict[str, Any]]:
    """Run a task of a type to its end in the test's attempt."""

    def run(type_name: str, context: Attempt | None = None, **properties: Any) -> dict[str, Any]:
        return asyncio.run(outputs_of(task(type_name, **properties), context or attempt))

    return run


class Answers(BaseHTTPRequestHandler):
    """A service that answers by the path, and tells what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), content))  # type: ignore[attr-defined]
        answer = self.server.answers[self.path.partition("?")[0]]  # type: ignore[attr-defined]
        answer(self, content)

    do_POST = do_PUT = do_HEAD = do_GET

    def answer(self, code: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


class Site:
    """The service's address, what it will answer, what it was asked."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        server.answers = {}  # type: ignore[attr-defined]
        server.asked = []  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{server.server_port}"

    @property
    def asked(self) -> list[tuple[str, str, dict[str, str], bytes]]:
        return self.server.asked  # type: ignore[attr-defined]

    def says(self, path: str, code: int = 200, content: bytes = b"", **headers: str) -> str:
        self.does(path, lambda handler, body: handler.answer(code, content, **headers))
        return self.url + path

    def does(self, path: str, answer: Callable[[Answers, bytes], None]) -> str:
        self.server.answers[path] = answer  # type: ignore[attr-defined]
        return self.url + path


@pytest.fixture
def site() -> Iterator[Site]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(server)
    server.shutdown()
    server.server_close()
