"""Kernels that the keeper lends: to their host they are a process number and a connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from typing import Any

from .stock import Ended
from .strays import end_marked


class LentKernel:
    """A kernel of the keeper's, ours for as long as the connection to the keeper lasts."""

    interrupts_by_message = False

    def __init__(
        self,
        pid: int,
        connection: Mapping[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        mark: str | None = None,
    ) -> None:
        """`mark`: the attempt's folder, by which what the kernel starts is found."""
        self.pid = pid
        self.connection = connection
        self._writer = writer
        self.mark = mark
        self._parked: Mapping[str, Any] | None = None
        self.was_parked = False
        """Folders are kept for it, until `release`."""
        self._end = asyncio.create_task(self._watch(reader))

    async def _watch(self, reader: asyncio.StreamReader) -> Ended:
        line = await line_of(reader)
        if line:
            said = json.loads(line)
            if "parked" in said:
                self._parked = said
                return Ended(None)
            return Ended(said["exit"])
        # the keeper is gone and the kernel went with it, but not what the kernel had started
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await asyncio.to_thread(end_marked, self.mark)
        return Ended(-signal.SIGKILL)

    async def ended(self) -> Ended:
        return await asyncio.shield(self._end)

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def _signal(self, number: int) -> None:
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def park(self, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Leave it to the keeper; what the keeper answers, or `None` if it has ended.

        The folders kept for it stay until `release`, even if it ends meanwhile.
        """
        with contextlib.suppress(ConnectionError):
            self._writer.write(json.dumps({"do": "park", **order}).encode() + b"\n")
            await self._writer.drain()
        await asyncio.shield(self._end)
        return self._parked

    def release(self) -> None:
        """Nothing here needs the folders any more that are kept for a kernel which is or was parked."""
        self._writer.close()

    async def kill(self) -> None:
        if self._parked is not None:
            return  # it isn't ours any more
        self._signal(signal.SIGKILL)
        await asyncio.shield(self._end)
        if not self.was_parked:
            self._writer.close()


class WarmKernel(LentKernel):
    """A forked kernel."""


class HeldKernel(LentKernel):
    """A kernel that the keeper has started by its command line, or that was parked."""

    def __init__(self, *arguments: Any, interrupts_by_message: bool) -> None:
        super().__init__(*arguments)
        self.interrupts_by_message = interrupts_by_message


async def line_of(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except (ConnectionError, ValueError):
        return b""
