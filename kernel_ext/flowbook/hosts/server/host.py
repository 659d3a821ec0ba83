"""The one workspace of a Jupyter Server: opened once it is there, closed with the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowbook.errors import FlowbookError
from flowbook.portal import Portal
from flowbook.workspace.place import Place, find

if TYPE_CHECKING:
    from flowbook.engine.scheduling import Scheduler
    from flowbook.engine.workspace import Workspace

T = TypeVar("T")
log = logging.getLogger(__name__)
LOOKED = 0.5
"""Seconds between two looks for a workspace that isn't there yet."""


class ServerHost:
    """A server as a host of a workspace. Used from the server's loop; the engine has its own."""

    def __init__(self, root: Path) -> None:
        self.place: Place = find(root, root)
        self.workspace: Workspace | None = None
        self.scheduler: Scheduler | None = None
        self.ready = asyncio.Event()
        """Set once the workspace is open."""
        self._portal: Portal | None = None
        self._opening = asyncio.Lock()
        self._holding: Future[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    def tell_kernels(self) -> None:
        """Make the kernels of this server work in the same workspace."""
        os.environ["FLOWBOOK_HOME"] = str(self.place.root)

    def start(self) -> None:
        """Open the workspace as soon as somebody has made it; nothing is created here."""
        self._looking = asyncio.create_task(self._look(), name="flowbook-look")

    async def _look(self) -> None:
        while self.workspace is None:
            if self.place.exists:
                try:
                    await self.open()
                except FlowbookError as error:
                    log.error("The workspace can't be opened: %s", error)
                return
            await asyncio.sleep(LOOKED)

    async def open(self) -> Workspace:
        """The workspace; made if it isn't there yet, so this is for writes."""
        async with self._opening:
            if self.workspace is None:
                from flowbook.engine.workspace import Workspace

                self._portal = self._portal or Portal("flowbook-server")
                self.workspace = await self._portal.wait(Workspace.open(self.place, kind="server"))
                await self._portal.wait(self._hold())
                self.ready.set()
            return self.workspace

    async def _hold(self) -> None:
        from flowbook.engine.firing import hold, scheduler_of

        assert self.workspace is not None
        self.scheduler = scheduler_of(self.workspace)
        self.workspace.spawn(hold(self.workspace, self.scheduler))

    async def existing(self) -> Workspace | None:
        """The workspace if there is one: a question makes none."""
        if self.workspace is None and self.place.exists:
            return await self.open()
        return self.workspace

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the workspace on the engine's loop."""
        assert self._portal is not None
        return await self._portal.wait(work)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the engine's loop without waiting for it."""
        assert self._portal is not None
        started: Future[T] = self._portal.start(work)
        return started

    @property
    def has_schedules(self) -> bool:
        """Whether something will fire as long as this server runs."""
        if self.workspace is None or self.scheduler is None:
            return False
        from flowbook.engine.misses import minds

        listed = self.workspace.triggering.triggers.listed
        return bool(self.scheduler.entries) or any(minds(each) for each in listed)

    async def close(self) -> None:
        """Let go of the workspace; what runs here is given up for others to take."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        workspace, self.workspace = self.workspace, None
        portal, self._portal = self._portal, None
        if portal is not None:
            if workspace is not None:
                await portal.wait(workspace.close())
            await asyncio.to_thread(portal.close)
