"""How far the executions are that run, for who follows them all.

Looked at when something of theirs has moved: at most once a second, and seldom enough that looking takes
little of the engine's time however many task runs there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from flowbook.engine.workspace import Workspace
from flowbook.store.rows import Batch

PROGRESS = "progress"
"""The rows' name in a message."""
PAUSE = 1.0
"""Seconds between two looks."""
SHARE = 20
"""A pause is this many times as long as the look before it."""
AT_ONCE = 100
"""Executions of one look."""


class Standing:
    """Tells how far executions are that have moved."""

    def __init__(
        self, workspace: Workspace, tell: Callable[[list[Mapping[str, Any]]], object]
    ) -> None:
        self._workspace = workspace
        self._tell = tell
        self._moved: dict[str, None] = {}
        self._news = asyncio.Event()

    def add(self, execution_ids: Iterable[str]) -> None:
        """Look at these again."""
        self._moved.update(dict.fromkeys(execution_ids))
        if self._moved:
            self._news.set()

    async def follow(self) -> None:
        """Look and tell, until cancelled."""
        loop, clock = asyncio.get_running_loop(), self._workspace.clock
        while True:
            await self._news.wait()
            now = list(islice(self._moved, AT_ONCE))
            for execution_id in now:
                del self._moved[execution_id]
            if not self._moved:
                self._news.clear()
            began = loop.time()
            found = [await self._workspace.history.progress(one) for one in now]
            rows: list[Mapping[str, Any]] = [one.to_json() for one in found if one is not None]
            if rows:
                self._tell(rows)
            pause = max(PAUSE, (loop.time() - began) * SHARE)
            await clock.until(clock.now() + timedelta(seconds=pause))


def moved(batch: Batch) -> set[str]:
    """The executions whose task runs or cells a commit tells of."""
    rows: Iterable[Mapping[str, Any]] = (
        *(change.values or {} for change in batch.changes if change.table == "task_runs"),
        *(record for record in batch.records if record["table"] == "cells"),
    )
    return {str(row["execution_id"]) for row in rows if row.get("execution_id")}


async def unfinished(workspace: Workspace) -> list[str]:
    """The executions that haven't ended."""
    return [str(row["execution_id"]) for row in await workspace.store.query("not_over")]
