"""What a runnable task sees of the world while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from .dynamic import Json
from .task import Level

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Continued:
    """What an attempt goes on with: an earlier one's notebook, at a cell, with edits of its source."""

    attempt: int
    cell: int
    edits: Sequence[Mapping[str, Json]]
    """`cell id before after`"""
    notebook: str | None
    """URI of that attempt's executed copy."""


class KV(Protocol):
    """The key-value pairs of one namespace."""

    async def get(self, key: str) -> Mapping[str, Json] | None:
        """The pair as `{value, kind, …}`; `None` if there is none or it has expired."""
        ...

    async def set(
        self,
        key: str,
        value: Json,
        *,
        kind: str | None = None,
        overwrite: bool = True,
        seconds: float | None = None,
        description: str | None = None,
    ) -> None:
        """Keep a value. Raises `Conflict` if it exists and `overwrite` is false."""
        ...

    async def keys(self, prefix: str = "") -> list[str]: ...

    async def delete(self, key: str) -> bool: ...


class Context(Protocol):
    """One attempt of one task run. Everything logged, stored and metered goes to that attempt."""

    @property
    def namespace(self) -> str: ...
    @property
    def flow_id(self) -> str: ...
    @property
    def execution_id(self) -> str: ...
    @property
    def task_id(self) -> str: ...
    @property
    def task_run_id(self) -> str: ...
    @property
    def value(self) -> str | None:
        """The value of its iteration, if it has one."""
        ...

    @property
    def inside(self) -> Mapping[str, Any]:
        """The outputs that the flowable around the task keeps of its tasks, by task."""
        ...

    @property
    def attempt(self) -> int:
        """From 1."""
        ...

    @property
    def continues(self) -> Continued | None:
        """`None` for an attempt that begins at the beginning."""
        ...

    @property
    def dialect(self) -> str:
        """`kestra` or `seed`."""
        ...

    @property
    def variables(self) -> Mapping[str, Any]:
        """What expressions see: `inputs`, `outputs`, `execution`, `labels` … (lazy)."""
        ...

    @property
    def directory(self) -> Path:
        """The attempt's own working directory, 0700, made on first use and removed afterwards."""
        ...

    @property
    def run_folder(self) -> Path:
        """The attempt's own folder for the channel `FLOWBOOK_RUN` and journals, 0700."""
        ...

    @property
    def folders(self) -> Sequence[Path]:
        """Those of `directory` and `run_folder` that are the attempt's own."""
        ...

    def leave_folders(self) -> None:
        """Don't remove `folders` at the end: somebody else does."""
        ...

    def at_end(self, call: Callable[[], None]) -> None:
        """Call this when the attempt has ended and everything is stored."""
        ...

    @property
    def runtime_folder(self) -> Path:
        """The workspace's own 0700 folder for sockets and locks: where its kernelkeeper sits."""
        ...

    @property
    def flow_folder(self) -> Path:
        """The folder of the flow's file, or the workspace's root for flows without one."""
        ...

    @property
    def workspace_root(self) -> Path: ...

    @property
    def secrets(self) -> Sequence[str]:
        """Values that must not be shown, as far as the attempt has met them."""
        ...

    def conceal(self, value: str) -> None:
        """From now on a value must not be shown: it is masked, and encrypted where it is kept."""
        ...

    def closed(self, value: Json) -> Json:
        """A value as it may be kept outside of the execution: closed if a secret is in it."""
        ...

    def opened(self, value: Json) -> Json:
        """A kept value as it was; what is secret in it is masked from now on."""
        ...

    async def render(self, value: T) -> T:
        """The property's value: rendered if it is a template, then read as the property's type."""
        ...

    async def render_text(self, source: str, extra: Mapping[str, Json] | None = None) -> str:
        """A text rendered with further names in scope."""
        ...

    async def render_json(
        self, source: Json, *, typed: bool = True, extra: Mapping[str, Json] | None = None
    ) -> Json:
        """Any YAML value rendered deep; with `typed` whole-value expressions keep their type."""
        ...

    async def render_outputs(self, declared: Sequence[Any]) -> Mapping[str, Json]:
        """Declared outputs (`flows.model.FlowOutput`) rendered and read as their types. Raises
        `ExpressionError` that names the output."""
        ...

    async def take_over(self, values: Json) -> Json | None:
        """Outputs of an earlier execution with their files stored under this task run; `None` if a
        file is gone."""
        ...

    async def truth(self, condition: str, extra: Mapping[str, Json] | None = None) -> bool:
        """Whether a condition holds, by the rules of the flow's dialect."""
        ...

    def log(self, level: Level | str, message: str) -> None: ...

    def metric(self, name: str, value: float, kind: str = "counter", **tags: str) -> None: ...

    def progress(self, fraction: float | None, text: str = "") -> None:
        """Shown beside the task run while it runs."""
        ...

    def cell(self, row: Mapping[str, Json]) -> None:
        """A record of a notebook's cell: `cell state started_at ended_at outputs text error …`."""
        ...

    async def put(self, source: Path | bytes, name: str) -> str:
        """Store a file under this task run; its URI (`kestra:///…`)."""
        ...

    async def base(self) -> str:
        """The URI below which files of this task run are stored."""
        ...

    async def put_table(self, path: Path, name: str, *, as_list: bool = False) -> Json:
        """Store a Parquet file as a table value; what goes into the outputs."""
        ...

    async def fetch(self, uri: str) -> Path:
        """A local, read-only path of a stored file, namespace file or `file:` URI that the
        execution may read. Raises `TaskFailed`."""
        ...

    async def kv(self, namespace: str | None = None) -> KV: ...

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment for a script or kernel: the host's without secrets and tokens, then
        `FLOWBOOK_RUN`, then `extra`."""
        ...

    @property
    def execution(self) -> Any:
        """The execution as it stood when the attempt began."""
        ...

    @property
    def engine(self) -> Any:
        """The workspace itself, for the few tasks that manage flows, executions and namespaces."""
        ...

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...
