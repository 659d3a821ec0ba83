"""A host's connection to the storekeeper, which survives the storekeeper's death.

Theory of operation. Every request has a number and is kept until it is answered. When the
connection breaks, the client connects again (starting a storekeeper if nobody holds the seat),
says hello under the same name and sends what is unanswered once more, in order; the keeper drops
what it had committed. So an append is answered exactly once, however many keepers died meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from flowbook import errors
from flowbook.elected import Seat
from flowbook.errors import FlowbookError, WorkspaceError

from . import ahead, frames, rows
from .duckdb import migrations
from .packing import Packing
from .rows import Batch

PATIENCE = 30.0
"""Seconds to wait for a storekeeper."""
LAZY = 20_000
"""Records that wait for their commit before there is no more room."""


class _Request:
    """One unanswered request; `answer` None for those nobody waits for."""

    __slots__ = ("answer", "frame", "size")

    def __init__(self, frame: bytes, answer: asyncio.Future[Any] | None, size: int) -> None:
        self.frame, self.answer, self.size = frame, answer, size


class Follower(AsyncIterator[Batch]):
    """One `follow`: iterate over it; it ends with `aclose`, or with the store."""

    def __init__(
        self,
        connection: Connection,
        number: int,
        seq: int | None,
        kinds: Sequence[str] | None,
        executions: Sequence[str] | None,
        tables: Sequence[str] | None,
    ) -> None:
        self._connection, self.number = connection, number
        self.wanted = kinds, executions, tables
        self.seq = seq
        """The last `seq` that was delivered; None before the storekeeper has said where it starts."""
        self.batches: asyncio.Queue[Batch | BaseException] = asyncio.Queue()

    async def __anext__(self) -> Batch:
        batch = await self.batches.get()
        if isinstance(batch, BaseException):
            self.batches.put_nowait(batch)
            raise batch
        return batch

    async def aclose(self) -> None:
        """Stop being told."""
        self._connection.unfollow(self)
        self.batches.put_nowait(StopAsyncIteration())


class Connection:
    """Requests in order and their answers; used from one asyncio loop."""

    def __init__(self, database: Path, seat: Seat, host: str, keeper: Sequence[str] | None) -> None:
        self._database, self._seat, self._host = database, seat, host
        self._keeper = keeper
        """The module that is started as storekeeper, and its arguments; None: another thread is it."""
        self._client = f"{host}/{secrets.token_hex(4)}"
        self._number = 0
        self._waiting: dict[int, _Request] = {}
        self._followers: dict[int, Follower] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._listening: asyncio.Task[None] | None = None
        self._lazy = 0
        self._closed = False
        self.room = asyncio.Event()
        self.room.set()
        self.lost: FlowbookError | None = None
        """Why something couldn't be written whose answer nobody awaited."""
        self.packing = Packing({})
        self.keeper_pid: int | None = None

    async def open(self) -> None:
        """Reach a storekeeper. Raises: WorkspaceError."""
        await self._connect()
        known = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _let_go(known()))
        self._listening = asyncio.create_task(self._listen(), name="flowbook-store")

    @property
    def is_open(self) -> bool:
        return self._listening is not None and not self._listening.done()

    async def close(self) -> None:
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._end(WorkspaceError("The store is closed."))

    # -- requests --------------------------------------------------------------------------------

    def number(self) -> int:
        """The number of the next request."""
        self._number += 1
        return self._number

    async def ask(self, verb: str, *arguments: Any) -> Any:
        """The answer to a request. Raises what the storekeeper says, as the class it names."""
        number = self.number()
        answer = self._begin(number, verb, *arguments)
        try:
            return await answer
        except asyncio.CancelledError:
            if verb in ("query", "sql"):
                self._waiting.pop(number, None)
                self._write(frames.pack(["cancel", number]))
            raise

    def begin(self, verb: str, *arguments: Any) -> asyncio.Future[Any]:
        """Send a request now; its answer comes in the future."""
        return self._begin(self.number(), verb, *arguments)

    def _begin(self, number: int, verb: str, *arguments: Any) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send(number, verb, arguments, answer)
        return answer

    def tell(self, verb: str, *arguments: Any, size: int) -> None:
        """Send a request whose answer nobody waits for; `room` is clear while too many are on their way."""
        self._send(self.number(), verb, arguments, None, size)

    def follow(
        self,
        since: int | None,
        kinds: Sequence[str] | None,
        executions: Sequence[str] | None,
        tables: Sequence[str] | None,
    ) -> Follower:
        """Begin to be told what is new."""
        follower = Follower(self, self.number(), since, kinds, executions, tables)
        self._followers[follower.number] = follower
        self._send(follower.number, "follow", (since, *follower.wanted), None)
        return follower

    def unfollow(self, follower: Follower) -> None:
        if self._followers.pop(follower.number, None) is not None:
            self._write(frames.pack(["cancel", follower.number]))

    async def handed_over(self) -> None:
        """Return when what was sent has left this process, or the connection is gone."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.drain()

    def _send(
        self,
        number: int,
        verb: str,
        arguments: tuple[Any, ...],
        answer: asyncio.Future[Any] | None,
        size: int = 0,
    ) -> None:
        if self._closed:
            raise WorkspaceError("The store is closed.")
        if self._listening is not None and self._listening.done():
            raise WorkspaceError("The connection to the history has ended.")
        frame = frames.pack([verb, number, *arguments])
        self._waiting[number] = _Request(frame, answer, size)
        self._lazy += size
        if self._lazy > LAZY:
            self.room.clear()
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame)

    # -- the other side --------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Reach a keeper and say hello. Raises: WorkspaceError."""
        deadline = time.monotonic() + PATIENCE
        asked = ahead.begun(self._seat)
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(
                    self._seat.socket, limit=1 << 22
                )
            except OSError:
                now = time.monotonic()
                if now > deadline:
                    raise WorkspaceError(
                        f"No storekeeper answers for {self._database}; its log is {self._seat.log}"
                    ) from None
                if self._keeper is not None and now - asked > 1.5 and not self._seat.is_held():
                    asked = now
                    self._seat.start(*self._keeper)
                await asyncio.sleep(0.005)
                continue
            try:
                writer.write(
                    frames.pack(
                        {
                            "protocol": frames.PROTOCOL,
                            "schema": migrations()[-1][0],
                            "client": self._client,
                            "host": self._host,
                        }
                    )
                )
                _, status, value = await frames.read(reader)
            except (EOFError, OSError):
                writer.close()
                await asyncio.sleep(0.01)
                continue
            if status == frames.FAILED:
                writer.close()
                raise _error(value)
            self.packing = Packing(value["tables"])
            self.keeper_pid = value["pid"]
            writer.transport.set_write_buffer_limits(high=0)  # `drain` waits for all of it
            self._reader, self._writer = reader, writer
            return

    async def _listen(self) -> None:
        """Take answers; when the keeper dies, find the next and ask again what is unanswered."""
        while True:
            assert self._reader is not None
            try:
                while True:
                    self._answered(*await frames.read(self._reader))
            except EOFError:
                pass
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            try:
                await self._reconnect()
            except FlowbookError as error:
                self._end(error)
                return
            for number in sorted(self._waiting):
                self._write(self._waiting[number].frame)
            for number, follower in self._followers.items():
                if number not in self._waiting:
                    again = ["follow", number, follower.seq, *follower.wanted]
                    self._write(frames.pack(again))

    async def _reconnect(self) -> None:
        """Find the next keeper. As long as the disk is full there is none: what is asked meanwhile fails."""
        while True:
            try:
                await self._connect()
                return
            except rows.StoreBusy as error:
                for number in self._waiting.keys() - self._followers.keys():
                    self._answered(number, frames.FAILED, [type(error).__name__, str(error)])
                await asyncio.sleep(0.5)

    def _answered(self, number: int, status: int, value: Any) -> None:
        if status == frames.PUSHED:
            if follower := self._followers.get(number):
                batch = self.packing.batch(value)
                follower.seq = batch.seq
                follower.batches.put_nowait(batch)
            return
        request = self._waiting.pop(number, None)
        if request is None:
            return
        self._lazy -= request.size
        if self._lazy <= LAZY:
            self.room.set()
        if (
            status == frames.OK
            and (follower := self._followers.get(number)) is not None
            and follower.seq is None
        ):
            follower.seq = value
        answer = request.answer
        if answer is None:
            if status == frames.FAILED:
                self.lost = _error(value)
        elif not answer.done():
            if status == frames.OK:
                answer.set_result(value)
            else:
                answer.set_exception(_error(value))

    def _end(self, error: FlowbookError) -> None:
        for request in self._waiting.values():
            if request.answer is not None and not request.answer.done():
                request.answer.set_exception(error)
        self._waiting.clear()
        self.room.set()
        for follower in self._followers.values():
            follower.batches.put_nowait(error)


def _let_go(connection: Connection | None) -> None:
    """In a forked child: close its copy of the connection, which would hide its parent's death."""
    if connection is not None and connection._writer is not None:
        with contextlib.suppress(OSError):
            os.close(connection._writer.get_extra_info("socket").fileno())


def _error(value: Sequence[str]) -> FlowbookError:
    kind, text = value
    known: Callable[[str], FlowbookError] | None = getattr(rows, kind, None) or getattr(
        errors, kind, None
    )
    return known(text) if known is not None else FlowbookError(text)
