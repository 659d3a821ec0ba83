"""The same storekeeper in a thread of this process, for tests and `fb.open(embedded=True)`."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from flowbook.elected import Seat
from flowbook.errors import WorkspaceError

from .keeper import Keeper


class Embedded:
    """A keeper with its own loop in its own thread; it holds the seat like any other."""

    def __init__(self, database: Path, storage: Path, seat: Seat) -> None:
        self._database, self._storage, self._seat = database, storage, seat
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._keeper: Keeper | None = None
        self._thread = threading.Thread(target=self._run, name="flowbook-keeper", daemon=True)

    @classmethod
    def start(cls, database: Path, storage: Path, seat: Seat) -> Embedded:
        """Take the seat and serve. Raises: WorkspaceError when another process has it."""
        descriptor = seat.take()
        if descriptor is None:
            raise WorkspaceError(
                f"The history {database} is open in another process; it can't be embedded here."
            )
        embedded = cls(database, storage, seat)
        embedded._descriptor = descriptor
        embedded._thread.start()
        embedded._ready.wait()
        return embedded

    def stop(self) -> None:
        """Close the file and give the seat up."""
        self._stopped = True
        if self._loop is not None and self._keeper is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join()
        os.close(self._descriptor)

    _descriptor: int = -1
    _stopped: bool = False

    def _end(self) -> None:
        if self._keeper is not None:
            self._keeper.end()

    def _run(self) -> None:
        while not self._stopped:  # a file that broke is opened anew
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._keeper = Keeper(self._database, self._storage, idle=None)
        listener = self._seat.listen()
        self._ready.set()
        try:
            await self._keeper.serve(listener)
        finally:
            self._seat.leave()
