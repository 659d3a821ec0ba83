"""Logs, metrics and cells on their way to the history: gathered for a moment, kept in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from flowbook.store.client import Store

PAUSE = 0.03
"""Seconds that rows are gathered before they are sent."""
MANY = 1000


class Records:
    """What attempts log, in the order they logged it. Loop thread only."""

    def __init__(self, store: Store, told: Callable[[Mapping[str, Any]], None]) -> None:
        self._store = store
        self._told = told
        self._rows: list[Mapping[str, Any]] = []
        self._sending: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self._told(row)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._soon(), name="flowbook-records")

    async def _soon(self) -> None:
        if len(self._rows) < MANY:
            await asyncio.sleep(PAUSE)
        await self.flush()

    async def flush(self) -> None:
        """Send what has been gathered; it is in the history before whatever is appended next."""
        if not self._rows:
            return
        async with self._order:
            while self._rows:
                rows, self._rows = self._rows[:MANY], self._rows[MANY:]
                await self._store.record(rows)

    async def durable(self) -> None:
        """Return when everything logged so far is in the history: before it is read."""
        await self.flush()
        await self._store.flush()

    async def close(self) -> None:
        """Send what has been gathered; nothing is added any more."""
        if self._sending is not None:
            self._sending.cancel()
        await self.flush()
