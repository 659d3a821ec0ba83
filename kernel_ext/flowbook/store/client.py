"""A host's way to the history: six verbs over a socket that survives the storekeeper's death.

Theory of operation. Every request has a number and is kept until it is answered. When the
connection breaks, the client connects again (starting a storekeeper if nobody holds the seat),
says hello under the same name and sends what is unanswered once more, in order; the keeper drops
what it had committed. So `append` returns exactly once, however many keepers died meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from flowbook import errors
from flowbook.elected import Seat
from flowbook.errors import FlowbookError, WorkspaceError
from flowbook.kinds.change import Change

from . import encode, frames, rows
from .duckdb import Answer, migrations
from .rows import RECORDS, Batch, EventRow, HostInfo, Owner

if TYPE_CHECKING:
    import pyarrow

    from .embedded import Embedded

PATIENCE = 30.0
"""Seconds to wait for a storekeeper."""
LAZY = 20_000
"""Records that wait for their commit before `record` waits."""

Prepared: TypeAlias = tuple[
    list[tuple[str, int, str, str]],
    list[tuple[str, str, str | None]],
    tuple[str, int] | None,
    list[int] | None,
]
"""An append as it travels: events, changes, owner, and on which event each change stands."""


class Place(Protocol):
    """What the store needs to know of a workspace."""

    @property
    def database(self) -> Path: ...
    @property
    def storage(self) -> Path: ...
    @property
    def runtime(self) -> Path: ...
    def create(self) -> object: ...


class _Request:
    """One unanswered request; `answer` None for those nobody waits for."""

    __slots__ = ("answer", "frame", "size")

    def __init__(self, frame: bytes, answer: asyncio.Future[Any] | None, size: int) -> None:
        self.frame, self.answer, self.size = frame, answer, size


class Follower(AsyncIterator[Batch]):
    """One `follow`: iterate over it; it ends with `aclose`, or with the store."""

    def __init__(
        self,
        store: Store,
        number: int,
        seq: int | None,
        kinds: Sequence[str] | None,
        executions: Sequence[str] | None,
    ) -> None:
        self._store, self.number = store, number
        self.kinds, self.executions = kinds, executions
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
        self._store._unfollow(self)
        self.batches.put_nowait(StopAsyncIteration())


class Store:
    """The history of one workspace as one host sees it; used from one asyncio loop."""

    def __init__(self, place: Place, host: HostInfo) -> None:
        self.place, self.host = place, host
        self._seat = Seat(place.runtime, "store")
        self._client = f"{host.id}/{secrets.token_hex(4)}"
        self._number = 0
        self._waiting: dict[int, _Request] = {}
        self._followers: dict[int, Follower] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None
        self._listening: asyncio.Task[None] | None = None
        self._lazy = 0
        self._room = asyncio.Event()
        self._room.set()
        self._lost: FlowbookError | None = None
        self._keys: dict[str, tuple[str, ...]] = {}
        self._tables: dict[str, encode.Kinds] = {}
        self._columns: dict[str, frozenset[str]] = {}
        self._embedded: Embedded | None = None
        self._closed = False
        self.keeper_pid: int | None = None

    @classmethod
    async def open(cls, place: Place, *, host: HostInfo, embedded: bool = False) -> Store:
        """Connect to the workspace's storekeeper, starting one if need be; makes the workspace.

        `embedded` holds the file in a thread of this process instead, for tests.

        Raises: WorkspaceError when the history can't be opened.
        """
        place.create()
        store = cls(place, host)
        if embedded:
            from .embedded import Embedded

            store._embedded = await asyncio.to_thread(
                Embedded.start, place.database, place.storage, store._seat
            )
        try:
            await store._connect()
        except BaseException:
            await store.close()
            raise
        known = weakref.ref(store)
        os.register_at_fork(after_in_child=lambda: _let_go(known()))
        store._listening = asyncio.create_task(store._listen(), name="flowbook-store")
        return store

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for what was recorded, then let go of the connection."""
        if self._closed:
            return
        if self._listening is not None and not self._listening.done():
            with contextlib.suppress(FlowbookError, TimeoutError):
                await asyncio.wait_for(self.flush(), PATIENCE)
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
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)

    # -- the six verbs ---------------------------------------------------------------------------

    async def append(
        self, events: Sequence[EventRow], changes: Sequence[Change] = (), owner: Owner | None = None
    ) -> int:
        """Make events and the row changes they cause durable; the `seq` of the last one.

        An execution nobody owns becomes `owner`'s; without an owner anybody may append (a wish).

        Raises: StaleOwner when another host or epoch owns an execution by now; StoreBusy when the
        disk is full.
        """
        return await self.send(self.prepare(events, changes, owner))

    def prepare(
        self, events: Sequence[EventRow], changes: Sequence[Change], owner: Owner | None
    ) -> Prepared:
        """An append as it will travel; nothing is sent. Raises `TypeError` for a change of no table."""
        return (
            [
                (
                    event.execution_id,
                    frames.micros(event.ts),
                    event.kind,
                    encode.text(event.payload),
                )
                for event in events
            ],
            [self._change(change) for change in changes],
            None if owner is None else (owner.host, owner.epoch),
            _spots(events, changes),
        )

    def send(self, prepared: Prepared) -> Awaitable[int]:
        """Begin an append; awaited, it is durable (see `append`)."""
        return self._begin(self._next(), "append", *prepared)

    async def handed_over(self) -> None:
        """Return when what was sent has left this process, or the connection is gone."""
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.drain()

    async def record(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add logs, metrics or cells, in order with this client's appends; returns before they are durable.

        Raises: StoreBusy when earlier ones couldn't be written.
        """
        if self._lost is not None:
            lost, self._lost = self._lost, None
            raise lost
        if not rows:
            return
        told = encode.blocks(rows, self._tables)
        self._send("record", (told, len(rows)), None, len(rows))
        while not self._room.is_set():
            await self._room.wait()

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""
        await self._ask("append", [], [], None, None)

    async def transact(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """Carry out a named transaction (`transactions.py`); its rows.

        Raises: Conflict, NotFound and other FlowbookErrors as the transaction says.
        """
        answer: list[dict[str, Any]] = await self._ask("transact", name, _given(params))
        return answer

    async def query(self, name_or_select: str, /, **params: Any) -> list[dict[str, Any]]:
        """Rows of a named query (`queries/*.sql`) or of a SELECT; times are aware, JSON is parsed."""
        columns, marks, found = await self._ask("query", name_or_select, _given(params), False)
        return Answer(tuple(columns), marks, found).dicts()

    async def query_arrow(self, name_or_select: str, /, **params: Any) -> pyarrow.Table:
        """The same as an Arrow table."""
        stream = await self._ask("query", name_or_select, _given(params), True)
        import pyarrow

        return pyarrow.ipc.open_stream(stream).read_all()

    async def sql(self, text: str, *, seconds: float | None = None) -> pyarrow.Table:
        """A user's SELECT over the history, as Arrow; cancelling the call interrupts it.

        `outputs('ns.flow', 'task')` is what a task stored as a table.

        Raises: QueryRefused with what is wrong with it, or which limit it met.
        """
        stream = await self._ask("sql", text, seconds)
        import pyarrow

        return pyarrow.ipc.open_stream(stream).read_all()

    async def execution(self, id: str) -> list[dict[str, Any]]:
        """An execution's events in order: seq, ts, kind, payload."""
        return await self.query("execution_events", id=id)

    def follow(
        self,
        since: int | None = None,
        *,
        kinds: Sequence[str] | None = None,
        executions: Sequence[str] | None = None,
    ) -> Follower:
        """What is new, commit by commit, from this call on or from behind `since`: each once, in order.

        `kinds` asks for events of these kinds and for nothing else, `executions` for what belongs to
        some executions. Commits without any of it aren't told.
        """
        follower = Follower(self, self._next(), since, kinds, executions)
        self._followers[follower.number] = follower
        self._send("follow", (since, kinds, executions), None, 0, follower.number)
        return follower

    def _unfollow(self, follower: Follower) -> None:
        if self._followers.pop(follower.number, None) is not None:
            self._write(frames.pack(["cancel", follower.number]))

    async def rebuild(self) -> None:
        """Make the latest-state tables again from the events."""
        await self._ask("work", "rebuild", {})

    async def purge(
        self, ids: Sequence[str], *, records: Sequence[str] = RECORDS, rows: bool = True
    ) -> dict[str, int]:
        """Remove executions for ever, with their events and records; how many rows of what went.

        `rows` False removes only the records named. Files in storage are the caller's.
        """
        gone: dict[str, int] = await self._ask(
            "work", "purge", {"ids": list(ids), "records": list(records), "rows": rows}
        )
        return gone

    async def purge_records(
        self,
        table: str,
        *,
        before: datetime,
        after: datetime | None = None,
        namespace: str | None = None,
        flow_id: str | None = None,
        levels: Sequence[str] | None = None,
    ) -> int:
        """Remove log lines, metrics or cell records of a time; without a flow, namespaces below count."""
        given = {
            "table": table,
            "before": before,
            "after": after,
            "namespace": namespace,
            "flow_id": flow_id,
            "levels": None if levels is None else list(levels),
        }
        gone: int = await self._ask("work", "purge_records", given)
        return gone

    async def compact(self, before: datetime) -> int:
        """Remove older events of no execution that later ones have made meaningless; how many."""
        gone: int = await self._ask("work", "compact", {"before": before})
        return gone

    # -- requests --------------------------------------------------------------------------------

    def _change(self, change: Change) -> tuple[str, str, str | None]:
        table, key, values = change.table, change.key, change.values
        try:
            names, columns = self._keys[table], self._columns[table]
        except KeyError:
            raise TypeError(f"The history has no table {table!r}") from None
        if len(names) != len(key):
            raise TypeError(f"{table} has the key {names}, not {key}")
        if values is None:
            return table, encode.text(key), None
        if not columns.issuperset(values):
            unknown = ", ".join(sorted(values.keys() - columns))
            raise TypeError(f"{table} has no column {unknown}")
        for name, part in zip(names, key, strict=True):
            if name not in values:
                values = {**values, name: part}
        return table, encode.text(key), encode.text(values)

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _ask(self, verb: str, *arguments: Any) -> Any:
        return await self._ask_as(self._next(), verb, *arguments)

    async def _ask_as(self, number: int, verb: str, *arguments: Any) -> Any:
        answer = self._begin(number, verb, *arguments)
        try:
            return await answer
        except asyncio.CancelledError:
            if verb in ("query", "sql"):
                self._waiting.pop(number, None)
                self._write(frames.pack(["cancel", number]))
            raise

    def _begin(self, number: int, verb: str, *arguments: Any) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._send(verb, arguments, answer, 0, number)
        return answer

    def _send(
        self,
        verb: str,
        arguments: tuple[Any, ...],
        answer: asyncio.Future[Any] | None,
        size: int,
        number: int | None = None,
    ) -> None:
        if self._closed:
            raise WorkspaceError("The store is closed.")
        if self._listening is not None and self._listening.done():
            raise WorkspaceError("The connection to the history has ended.")
        number = self._next() if number is None else number
        frame = frames.pack([verb, number, *arguments])
        self._waiting[number] = _Request(frame, answer, size)
        self._lazy += size
        if self._lazy > LAZY:
            self._room.clear()
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame)

    # -- the connection --------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Reach a keeper and say hello. Raises: WorkspaceError."""
        deadline = time.monotonic() + PATIENCE
        asked = 0.0
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(
                    self._seat.socket, limit=1 << 22
                )
            except OSError:
                now = time.monotonic()
                if now > deadline:
                    raise WorkspaceError(
                        f"No storekeeper answers for {self.place.database}; its log is {self._seat.log}"
                    ) from None
                if self._embedded is None and now - asked > 1.5 and not self._seat.is_held():
                    asked = now
                    self._seat.start(
                        "flowbook.store",
                        str(self.place.database),
                        str(self.place.storage),
                        str(self.place.runtime),
                    )
                await asyncio.sleep(0.005)
                continue
            try:
                writer.write(
                    frames.pack(
                        {
                            "protocol": frames.PROTOCOL,
                            "schema": migrations()[-1][0],
                            "client": self._client,
                            "host": self.host.id,
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
            self._keys = {name: tuple(key) for name, (key, _) in value["tables"].items()}
            self._tables = {name: kinds for name, (_, kinds) in value["tables"].items()}
            self._columns = {name: frozenset(kinds) for name, kinds in self._tables.items()}
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
                    again = ["follow", number, follower.seq, follower.kinds, follower.executions]
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
                batch = self._batch(value)
                follower.seq = batch.seq
                follower.batches.put_nowait(batch)
            return
        request = self._waiting.pop(number, None)
        if request is None:
            return
        self._lazy -= request.size
        if self._lazy <= LAZY:
            self._room.set()
        if (
            status == frames.OK
            and (follower := self._followers.get(number)) is not None
            and follower.seq is None
        ):
            follower.seq = value
        answer = request.answer
        if answer is None:
            if status == frames.FAILED:
                self._lost = _error(value)
        elif not answer.done():
            if status == frames.OK:
                answer.set_result(value)
            else:
                answer.set_exception(_error(value))

    def _batch(self, packed: bytes) -> Batch:
        seq, events, changes, blocks = frames.unpack(packed)
        return Batch(
            seq,
            tuple(
                {
                    "seq": number,
                    "execution_id": execution,
                    "ts": frames.moment(ts),
                    "kind": kind,
                    "payload": encode.value(payload),
                }
                for number, execution, ts, kind, payload in events
            ),
            tuple(
                Change(table, tuple(encode.value(key)), None if row is None else encode.value(row))
                for table, key, row in changes
            ),
            tuple(row for block in blocks for row in encode.rows_of(block, self._tables)),
        )

    def _end(self, error: FlowbookError) -> None:
        for request in self._waiting.values():
            if request.answer is not None and not request.answer.done():
                request.answer.set_exception(error)
        self._waiting.clear()
        self._room.set()
        for follower in self._followers.values():
            follower.batches.put_nowait(error)


def _let_go(store: Store | None) -> None:
    """In a forked child: close its copy of the connection, which would hide its parent's death."""
    if store is not None and store._writer is not None:
        with contextlib.suppress(OSError):
            os.close(store._writer.get_extra_info("socket").fileno())


def _spots(events: Sequence[EventRow], changes: Sequence[Change]) -> list[int] | None:
    """On which event each change stands: the last one of its own execution, else the last of all."""
    last = {event.execution_id: index for index, event in enumerate(events)}
    if len(last) < 2:
        return None
    spots = []
    for change in changes:
        of_key = change.table in ("executions", "owners")
        execution = change.key[0] if of_key else (change.values or {}).get("execution_id")
        spots.append(last.get(str(execution), len(events) - 1))
    return spots


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return dict(params)


def _error(value: Sequence[str]) -> FlowbookError:
    kind, text = value
    known: Callable[[str], FlowbookError] | None = getattr(rows, kind, None) or getattr(
        errors, kind, None
    )
    return known(text) if known is not None else FlowbookError(text)
