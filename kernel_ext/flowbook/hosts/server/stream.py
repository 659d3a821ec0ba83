"""The one WebSocket: the rows that every commit changes, from a sequence number on.

Theory of operation. A subscription follows the history on the engine's loop; each commit is handed
to the server's loop, where all that arrived while a message was on its way is folded into the next
one, newest row winning. So a slow page costs memory for the rows it misses, not for the commits,
and a message always holds whole commits. Without `since` the first message holds what there is.
Who follows all executions is also told how far those are that run (`standing.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

import tornado.web as web
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from flowbook.engine.closing import shown_row
from flowbook.engine.workspace import Workspace
from flowbook.errors import FlowbookError
from flowbook.store.rows import Batch

from .base import json_text
from .host import ServerHost
from .standing import PROGRESS, Standing, moved, unfinished

Rows = dict[str, list[Mapping[str, Any]]]
LISTED = ("executions", "flows", "triggers")
"""Tables whose rows everybody gets who follows the executions."""
ONE = ("executions", "task_runs", "attempts", "outputs", "cells", "logs")
"""Tables whose rows one gets who follows an execution."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "executions": ("id",),
    "flows": ("namespace", "id"),
    "triggers": ("namespace", "flow_id", "trigger_id"),
    "task_runs": ("id",),
    "attempts": ("task_run_id", "number"),
    "outputs": ("task_run_id",),
    "cells": ("task_run_id", "attempt", "cell"),
    "logs": ("seq",),
    PROGRESS: ("execution_id",),
}
RECENT = 100


class Pending:
    """What has arrived and isn't sent yet."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self._rows: dict[str, dict[tuple[Any, ...], Mapping[str, Any]]] = {}
        self.arrived = asyncio.Event()

    def add(self, seq: int, rows: Rows) -> None:
        """Take one commit; a newer row replaces an older one."""
        self.seq = max(self.seq, seq)
        for table, several in rows.items():
            kept = self._rows.setdefault(table, {})
            for row in several:
                kept[tuple(row.get(name) for name in KEYS[table])] = row
        self.arrived.set()

    def take(self) -> dict[str, Any]:
        """The next message."""
        self.arrived.clear()
        rows, self._rows = self._rows, {}
        return {
            "seq": self.seq,
            "rows": {table: list(kept.values()) for table, kept in rows.items()},
        }


def wanted(batch: Batch, execution_id: str | None) -> Rows:
    """The rows of a commit that a subscription asks for."""
    tables = ONE if execution_id else LISTED
    rows: Rows = {}
    for change in batch.changes:
        if change.values is None or change.table not in tables:
            continue
        row = change.values
        owner = row.get("id") if change.table == "executions" else row.get("execution_id")
        if execution_id is None or owner == execution_id:
            rows.setdefault(change.table, []).append(shown_row(change.table, row))
    if execution_id:
        for record in batch.records:
            table = str(record["table"])
            if table in tables and record.get("execution_id") == execution_id:
                row = {name: value for name, value in record.items() if name != "table"}
                rows.setdefault(table, []).append(row)
    return rows


async def snapshot(workspace: Workspace, execution_id: str | None) -> Rows:
    """What there is, for who has nothing yet."""
    history = workspace.history
    if execution_id is None:
        return {"executions": list(await history.executions(limit=RECENT))}
    rows: Rows = {
        "executions": [await history.row(execution_id)],
        "task_runs": list(await history.task_runs(execution_id)),
        "outputs": list(await history.outputs(execution_id)),
        "cells": list(await history.cells(execution_id)),
        "logs": list(await history.logs(execution_id)),
    }
    return rows


class StreamHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # type: ignore[misc]
    """One page's subscription; a second `subscribe` replaces the first."""

    auth_resource = "flowbook"

    def set_default_headers(self) -> None:
        """A WebSocket's answer carries no page policy."""

    def get_compression_options(self) -> dict[str, Any]:
        return {}

    async def get(self, *args: Any, **kwargs: Any) -> None:
        if self.current_user is None:
            raise web.HTTPError(403)
        allowed = self.authorizer.is_authorized(self, self.current_user, "read", "flowbook")
        if not (await allowed if asyncio.iscoroutine(allowed) else allowed):
            raise web.HTTPError(403)
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._following: asyncio.Task[None] | None = None

    def on_close(self) -> None:
        if self._following is not None:
            self._following.cancel()
        super().on_close()

    async def on_message(self, message: str | bytes) -> None:
        try:
            asked = json.loads(message)
            subscribe, since = asked["subscribe"], asked.get("since")
            execution_id = None if subscribe == "executions" else str(subscribe["execution"])
            if since is not None and not isinstance(since, int):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            await self.write_message(
                json_text(
                    {
                        "error": 'Send {"subscribe": "executions"|{"execution": id}, "since": seq|null}'
                    }
                )
            )
            return
        if self._following is not None:
            self._following.cancel()
        self._following = asyncio.create_task(self._follow(execution_id, since))

    async def _follow(self, execution_id: str | None, since: int | None) -> None:
        host: ServerHost = self.settings["flowbook_host"]
        await host.ready.wait()
        workspace = host.workspace
        assert workspace is not None
        loop = asyncio.get_running_loop()
        pending = Pending(since or 0)

        async def read() -> None:
            ours = None if execution_id is None else [execution_id]
            follower = workspace.store.follow(since, executions=ours)
            standing = Standing(
                workspace, lambda rows: loop.call_soon_threadsafe(pending.add, 0, {PROGRESS: rows})
            )
            looking = asyncio.create_task(standing.follow())
            try:
                if since is None:
                    first = await snapshot(workspace, execution_id)
                    loop.call_soon_threadsafe(pending.add, follower.seq or 0, first)
                if execution_id is None:
                    standing.add(await unfinished(workspace))
                async for batch in follower:
                    rows = wanted(batch, execution_id)
                    if rows:
                        loop.call_soon_threadsafe(pending.add, batch.seq, rows)
                    if execution_id is None:
                        standing.add(moved(batch))
            finally:
                looking.cancel()
                await follower.aclose()

        reading = host.begin(read())
        try:
            while True:
                await self._next(pending, asyncio.wrap_future(reading))
                await self.write_message(json_text(pending.take()))
        except WebSocketClosedError:
            pass
        except FlowbookError as error:
            with contextlib.suppress(WebSocketClosedError):
                await self.write_message(json_text({"error": str(error)}))
            self.close()
        finally:
            reading.cancel()

    async def _next(self, pending: Pending, reading: asyncio.Future[None]) -> None:
        """Until something has arrived; an end of the reading is raised here."""
        arrived = asyncio.ensure_future(pending.arrived.wait())
        try:
            await asyncio.wait((arrived, reading), return_when=asyncio.FIRST_COMPLETED)
            if not arrived.done() and reading.done():
                reading.result()
                raise WebSocketClosedError
        finally:
            arrived.cancel()
