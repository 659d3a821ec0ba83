"""The functions of expressions that need the workspace: `kv`, `secret`, `read` … They are called in
worker threads and may wait for the engine's loop."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowbook.errors import ExpressionError, FlowbookError, TaskFailed
from flowbook.executions.model import Execution

from .closing import Closing, shown

if TYPE_CHECKING:
    from .workspace import Workspace

READ_LIMIT = 50 * 2**20
PATIENCE = 30.0


class Services:
    """The functions for one execution."""

    def __init__(self, workspace: Workspace, execution: Execution, closing: Closing) -> None:
        self._workspace = workspace
        self._execution = execution
        self._closing = closing

    def table(self) -> Mapping[str, Callable[..., object]]:
        return {
            "now": self._workspace.clock.now,
            "kv": self.kv,
            "secret": self.secret,
            "read": self.read,
            "fileURI": self.file_uri,
            "fileSize": self.file_size,
            "fileExists": self.file_exists,
            "isFileEmpty": self.is_file_empty,
            "errorLogs": self.error_logs,
            "http": self.http,
            "env": self.env,
        }

    def _wait(self, work: Any) -> Any:
        if threading.get_ident() == self._workspace.thread:
            work.close()
            raise ExpressionError(
                "What waits for the workspace can't be read here: write it where the value is used"
            )
        return asyncio.run_coroutine_threadsafe(work, self._workspace.loop).result(PATIENCE)

    def kv(
        self, key: str, namespace: str | None = None, errorOnMissing: bool | None = None
    ) -> object:
        """The value of a pair, looked up in the namespace and its parents."""
        strict = (
            self._execution.flow.dialect == "kestra" if errorOnMissing is None else errorOnMissing
        )
        own = namespace or self._execution.flow.namespace
        place = own
        while place:
            found = self._wait(self._workspace.pairs(place, self._closing).get(key))
            if found is not None:
                return found["value"]
            place = place.rpartition(".")[0]
        if strict:
            raise ExpressionError(f"The key '{key}' does not exist in the namespace '{own}'.")
        return None

    def secret(
        self, key: str, namespace: str | None = None, subkey: str | None = None, full: bool = False
    ) -> object:
        """A secret's value; from now on it is masked wherever the execution shows something."""
        try:
            value = self._workspace.secrets.get(key)
        except FlowbookError as error:
            raise ExpressionError(str(error)) from None
        self._closing.remember(value)
        if subkey is not None:
            value = str(json.loads(value)[subkey])
            self._closing.remember(value)
        return {"value": value, "metadata": {}} if full else value

    def _path(self, path: str, namespace: str | None) -> Any:
        return self._workspace.readable(path, self._execution, None, namespace)

    def read(
        self, path: str, namespace: str | None = None, revision: Any = None, version: Any = None
    ) -> str:
        """The text of a stored or namespace file."""
        try:
            found = self._path(path, namespace)
        except TaskFailed as error:
            raise ExpressionError(str(error)) from None
        if found.stat().st_size > READ_LIMIT:
            raise ExpressionError(f"'{path}' is larger than 50 MiB: hand its URI to a task instead")
        return str(found.read_text("utf-8", "replace"))

    def file_uri(self, path: str, namespace: str | None = None, revision: Any = None) -> str:
        if ".." in path.split("/"):
            raise ExpressionError("Path must not contain '../'")
        own = namespace or self._execution.flow.namespace
        return f"kestra:///{own.replace('.', '/')}/_files/{path.lstrip('/')}"

    def file_size(self, path: str, namespace: str | None = None) -> int:
        return int(self._existing(path, namespace).stat().st_size)

    def file_exists(self, path: str, namespace: str | None = None) -> bool:
        try:
            self._path(path, namespace)
        except TaskFailed:
            return False
        return True

    def is_file_empty(self, path: str, namespace: str | None = None) -> bool:
        return self.file_size(path, namespace) == 0

    def _existing(self, path: str, namespace: str | None) -> Any:
        try:
            return self._path(path, namespace)
        except TaskFailed as error:
            raise ExpressionError(str(error)) from None

    def error_logs(self) -> list[dict[str, Any]]:
        rows = self._wait(self._workspace.logs(self._execution.id, level="ERROR"))
        return [
            {
                "timestamp": row["ts"].isoformat().replace("+00:00", "Z"),
                "level": row["level"],
                "taskId": row["task_id"],
                "message": row["message"],
            }
            for row in rows
        ]

    def http(
        self,
        uri: str,
        method: str = "GET",
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        contentType: str | None = None,
        headers: Mapping[str, Any] | None = None,
        options: Any = None,
        accept: str | None = None,
    ) -> object:
        import httpx

        from .web import content_of, headers_of, read_answer

        settings = options if isinstance(options, Mapping) else {}
        auth, headed = headers_of(headers, settings.get("auth"), contentType, accept, body)
        try:
            answer = httpx.request(
                method,
                uri,
                params=query,
                content=content_of(body, contentType),
                headers=headed,
                auth=auth,
                timeout=4,
                follow_redirects=bool(settings.get("followRedirects", True)),
            )
        except httpx.HTTPError as error:
            raise ExpressionError(f"{method} {uri}: {error}") from None
        if answer.status_code >= 400 and not settings.get("allowFailed"):
            raise ExpressionError(
                f"{method} {uri} answered {answer.status_code}: {answer.text[:1024]}"
            )
        return read_answer(answer)

    def env(self, name: str, default: Any = None) -> object:
        allowed = self._workspace.config.get("flowbook.expressions.env-allow", []) or []
        if name not in allowed:
            raise ExpressionError(
                f"env('{name}') isn't allowed: name it in flowbook.expressions.env-allow of the configuration"
            )
        value = os.environ.get(name, default)
        if value is None:
            raise ExpressionError(f"The environment has no variable '{name}'")
        return value


class Pairs:
    """The key-value pairs of one namespace; see `kinds.context.KV`. An execution (`closing`) keeps what
    holds a secret closed and opens it again, others see stars."""

    def __init__(
        self, workspace: Workspace, namespace: str, closing: Closing | None = None
    ) -> None:
        self._store = workspace.store
        self._namespace = namespace
        self._closing = closing

    async def get(self, key: str) -> Mapping[str, Any] | None:
        rows = await self._store.transact("kv_get", namespace=self._namespace, key=key)
        if not rows or rows[0].get("key") is None:
            return None
        value = rows[0]["value"]
        return {
            **rows[0],
            "value": shown(value) if self._closing is None else self._closing.open(value),
        }

    async def set(
        self,
        key: str,
        value: Any,
        *,
        kind: str | None = None,
        overwrite: bool = True,
        seconds: float | None = None,
        description: str | None = None,
    ) -> None:
        await self._store.transact(
            "kv_set",
            namespace=self._namespace,
            key=key,
            value=value if self._closing is None else self._closing.value(value),
            kind=kind,
            overwrite=overwrite,
            ttl=seconds,
            description=description,
        )

    async def keys(self, prefix: str = "") -> list[str]:
        rows = await self._store.transact("kv_keys", namespace=self._namespace, prefix=prefix)
        return [row["key"] for row in rows]

    async def delete(self, key: str) -> bool:
        rows = await self._store.transact("kv_delete", namespace=self._namespace, key=key)
        return bool(rows and rows[0].get("deleted"))
