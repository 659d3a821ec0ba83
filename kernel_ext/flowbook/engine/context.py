"""What the task of an attempt sees and may ask for."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowbook.executions.model import Execution, TaskRun
from flowbook.expressions import render as language
from flowbook.kinds.context import Continued
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.task import Level, Task
from flowbook.storage.uri import uri_of

from . import beside, caching, rendering
from .closing import Closing
from .secret_tables import secret_rows
from .tables import stored

if TYPE_CHECKING:
    from .drive import Driver

T = TypeVar("T")
RANK = {level: index for index, level in enumerate(Level)}
LINE = 10 * 1024
"""Longer messages are split into several records."""
PRIVATE = ("SECRET_", "FLOWBOOK_", "JPY_")
HIDDEN = frozenset(
    {"KESTRA_CONFIGURATION", "JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_TOKEN"}
)


class AttemptContext:
    """What the task sees; see `kinds.context.Context`."""

    def __init__(
        self,
        driver: Driver,
        run: TaskRun,
        task: Task,
        number: int,
    ) -> None:
        self._driver = driver
        self._run = run
        self._task = task
        self._workspace = driver.workspace
        self._execution: Execution = driver.execution
        self._directory: Path | None = None
        self._run_folder: Path | None = None
        self._leaves = False
        self._calls: list[Callable[[], None]] = []
        self._scope: language.Scope | None = None
        self._least = RANK[task.log_level or driver.execution.flow.log_level or Level.TRACE]
        self.attempt = number
        self.rendered: dict[str, Json] = {}

    @property
    def namespace(self) -> str:
        return self._execution.flow.namespace

    @property
    def flow_id(self) -> str:
        return self._execution.flow.id

    @property
    def execution_id(self) -> str:
        return self._execution.id

    @property
    def task_id(self) -> str:
        return self._run.task_id

    @property
    def task_run_id(self) -> str:
        return self._run.id

    @property
    def value(self) -> str | None:
        return self._run.value

    @property
    def inside(self) -> Mapping[str, Any]:
        return self._execution.kept.get(self._run.parent, {})

    @property
    def continues(self) -> Continued | None:
        attempt = self._run.attempt
        if attempt is None or attempt.continues is None:
            return None
        notebook = (self._run.outputs or {}).get("notebook")
        return Continued(attempt.continues, attempt.cell or 1, attempt.edits, notebook)

    @property
    def dialect(self) -> str:
        return self._execution.flow.dialect

    @property
    def closing(self) -> Closing:
        """The execution's secrets."""
        return self._driver.closing

    def masked(self, text: str) -> str:
        """The text without secrets."""
        return self.closing.masked(text)

    def scope_with(self, extra: Mapping[str, Json]) -> language.Scope:
        """What expressions see, and further names."""
        return self._driver.scope(self._run, extra)

    @property
    def scope(self) -> language.Scope:
        """Made once: what an attempt sees doesn't change while it runs."""
        if self._scope is None:
            self._scope = self._driver.scope(self._run)
        return self._scope

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.scope.variables

    @property
    def directory(self) -> Path:
        if (shared := beside.shared_directory(self._driver, self._run)) is not None:
            return shared
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="flowbook-"))
        return self._directory

    @property
    def run_folder(self) -> Path:
        if self._run_folder is None:
            base = self._workspace.place.runtime / "runs"
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._run_folder = Path(
                tempfile.mkdtemp(prefix=f"{self._run.id}-{self.attempt}-", dir=base)
            )
        return self._run_folder

    @property
    def folders(self) -> Sequence[Path]:
        return [folder for folder in (self._directory, self._run_folder) if folder is not None]

    def leave_folders(self) -> None:
        self._leaves = True

    def at_end(self, call: Callable[[], None]) -> None:
        self._calls.append(call)

    @property
    def runtime_folder(self) -> Path:
        return self._workspace.place.runtime

    @property
    def flow_folder(self) -> Path:
        return self._execution.flow.folder or self._workspace.place.root

    @property
    def workspace_root(self) -> Path:
        return self._workspace.place.root

    @property
    def storage_root(self) -> Path:
        return self._workspace.place.storage

    @property
    def secrets(self) -> Sequence[str]:
        return tuple(self.closing.values)

    def conceal(self, value: str) -> None:
        self.closing.remember(value)

    def closed(self, value: Json) -> Json:
        return self.closing.value(value)

    def opened(self, value: Json) -> Json:
        return self.closing.open(value)

    async def render(self, value: T) -> T:
        if not isinstance(value, Template):  # a scope is made for templates only
            return value
        return await rendering.render_property(value, self.scope)  # type: ignore[no-any-return]

    async def render_text(self, source: str, extra: Mapping[str, Json] | None = None) -> str:
        scope = self._driver.scope(self._run, extra) if extra else self.scope
        work = lambda: language.render(source, scope)  # noqa: E731 - handed on
        return await rendering.in_place(source, scope, work)  # type: ignore[no-any-return]

    async def render_json(
        self, source: Json, *, typed: bool = True, extra: Mapping[str, Json] | None = None
    ) -> Json:
        scope = self._driver.scope(self._run, extra) if extra else self.scope
        work = lambda: language.render_deep(source, scope, typed=typed)  # noqa: E731 - handed on
        return await rendering.in_place(source, scope, work)

    async def render_outputs(self, declared: Sequence[Any]) -> dict[str, Json]:
        sources = {output.id: output.value for output in declared}
        scope = self.scope
        answers = await rendering.in_place(
            sources, scope, lambda: rendering.answer_all(sources, scope)
        )
        return rendering.declared_outputs(declared, answers)

    async def take_over(self, values: Json) -> Json | None:
        return await caching.taken_over(self._workspace.storage, self.prefix, values)

    async def truth(self, condition: str, extra: Mapping[str, Json] | None = None) -> bool:
        scope = self._driver.scope(self._run, extra) if extra else self.scope
        work = lambda: language.truthy(condition, scope)  # noqa: E731 - handed on
        return bool(await rendering.in_place(condition, scope, work))

    def log(self, level: Level | str, message: str) -> None:
        level = Level(level)
        if RANK[level] < self._least:
            return
        text = self.masked(_clean(str(message)))
        for start in range(0, max(len(text), 1), LINE):
            self._record(
                {
                    "table": "logs",
                    "ts": self.now().isoformat(),
                    "level": level.value,
                    "message": text[start : start + LINE],
                }
            )

    def metric(self, name: str, value: float, kind: str = "counter", **tags: str) -> None:
        self._record(
            {
                "table": "metrics",
                "ts": self.now().isoformat(),
                "name": name,
                "kind": kind,
                "value": float(value),
                "tags": self.closing.masked_deep(tags),
            }
        )

    def progress(self, fraction: float | None, text: str = "") -> None:
        self._on_loop(
            self._driver.note_progress,
            self._run.id,
            {"fraction": fraction, "text": self.masked(text)},
        )

    def cell(self, row: Mapping[str, Json]) -> None:
        self._record({"table": "cells", **self.closing.masked_deep(row)})

    def _record(self, row: Mapping[str, Any]) -> None:
        keys: dict[str, Any] = {
            "execution_id": self._execution.id,
            "task_run_id": self._run.id,
            "attempt": self.attempt,
            "task_id": self._run.task_id,
            "namespace": self.namespace,
            "flow_id": self.flow_id,
        }
        self._on_loop(self._workspace.records.add, {**row, **keys})

    def _on_loop(self, call: Any, *arguments: Any) -> None:
        if threading.get_ident() == self._workspace.thread:
            call(*arguments)
        else:
            self._workspace.loop.call_soon_threadsafe(call, *arguments)

    async def put(self, source: Path | bytes, name: str) -> str:
        storage = self._workspace.storage
        prefix = self.prefix
        if isinstance(source, bytes):
            return storage.put(prefix, name, source=source)
        return await asyncio.to_thread(storage.put, prefix, name, source=source)

    @property
    def prefix(self) -> str:
        """Where this task run's files lie in the storage."""
        return self._workspace.storage.task_prefix(
            self.namespace, self.flow_id, self._execution.id, self._run.task_id, self._run.id
        )

    async def put_table(self, path: Path, name: str, *, as_list: bool = False) -> Json:
        if self.closing.values and (
            rows := await asyncio.to_thread(secret_rows, path, self.closing)
        ):
            return rows
        uri = await self.put(path, name if name.endswith(".parquet") else f"{name}.parquet")
        made = await asyncio.to_thread(
            stored, uri, self._workspace.storage.path(uri), as_list=as_list
        )
        self._driver.artifacts.append((self._run, name.removesuffix(".parquet"), made))
        return made

    async def base(self) -> str:
        return uri_of(self.prefix)

    async def fetch(self, uri: str) -> Path:
        return self._workspace.readable(uri, self._execution, self.flow_folder)

    async def kv(self, namespace: str | None = None) -> Any:
        return self._workspace.pairs(namespace or self.namespace, self.closing)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(PRIVATE) and name not in HIDDEN
        }
        return {**kept, "FLOWBOOK_RUN": str(self.run_folder), **(extra or {})}

    def now(self) -> datetime:
        return self._workspace.clock.now()

    async def sleep(self, seconds: float) -> None:
        clock = self._workspace.clock
        with clock.resting():
            await clock.until(clock.now() + timedelta(seconds=seconds))

    @property
    def engine(self) -> Any:
        """The workspace itself, for the few tasks that manage flows and executions."""
        return self._workspace

    @property
    def execution(self) -> Execution:
        return self._execution

    def close(self) -> None:
        """Remove what belongs to the attempt alone."""
        for folder in () if self._leaves else self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        for call in self._calls:
            call()


def _clean(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode() if text else text
