"""A host's way to the history: six verbs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from flowbook.elected import Seat
from flowbook.errors import FlowbookError
from flowbook.kinds.change import Change

from . import ahead
from .connection import PATIENCE, Connection, Follower
from .duckdb import Answer
from .packing import Prepared
from .rows import RECORDS, EventRow, HostInfo, Owner

if TYPE_CHECKING:
    import pyarrow

    from .embedded import Embedded


class Place(ahead.Place, Protocol):
    """What the store needs to know of a workspace."""

    def create(self) -> object: ...


class Store:
    """The history of one workspace as one host sees it; used from one asyncio loop."""

    def __init__(self, place: Place, host: HostInfo, *, embedded: bool = False) -> None:
        self.place, self.host = place, host
        self._embedded: Embedded | None = None
        self._closed = False
        self._seat = Seat(place.runtime, "store")
        self._connection = Connection(
            place.database, self._seat, host.id, None if embedded else ahead.keeper(place)
        )

    @classmethod
    async def open(cls, place: Place, *, host: HostInfo, embedded: bool = False) -> Store:
        """Connect to the workspace's storekeeper, starting one if need be; makes the workspace.

        `embedded` holds the file in a thread of this process instead, for tests.

        Raises: WorkspaceError when the history can't be opened.
        """
        place.create()
        store = cls(place, host, embedded=embedded)
        if embedded:
            from .embedded import Embedded

            store._embedded = await asyncio.to_thread(
                Embedded.start, place.database, place.storage, store._seat
            )
        try:
            await store._connection.open()
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def keeper_pid(self) -> int | None:
        """The process that holds the history."""
        return self._connection.keeper_pid

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for what was recorded, then let go of the connection."""
        if self._closed:
            return
        self._closed = True
        if self._connection.is_open:
            with contextlib.suppress(FlowbookError, TimeoutError):
                await asyncio.wait_for(self.flush(), PATIENCE)
        await self._connection.close()
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
        return self._connection.packing.append(events, changes, owner)

    def send(self, prepared: Prepared) -> Awaitable[int]:
        """Begin an append; awaited, it is durable (see `append`)."""
        return self._connection.begin("append", *prepared)

    async def handed_over(self) -> None:
        """Return when what was sent has left this process."""
        await self._connection.handed_over()

    async def record(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add logs, metrics or cells, in order with this client's appends; returns before they are durable.

        Raises: StoreBusy when earlier ones couldn't be written.
        """
        connection = self._connection
        if connection.lost is not None:
            lost, connection.lost = connection.lost, None
            raise lost
        if not rows:
            return
        connection.tell("record", connection.packing.records(rows), len(rows), size=len(rows))
        while not connection.room.is_set():
            await connection.room.wait()

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""
        await self._connection.ask("append", [], [], None, None)

    async def transact(self, name: str, /, **params: Any) -> list[dict[str, Any]]:
        """Carry out a named transaction (`transactions.py`); its rows.

        Raises: Conflict, NotFound and other FlowbookErrors as the transaction says.
        """
        answer: list[dict[str, Any]] = await self._connection.ask("transact", name, dict(params))
        return answer

    async def query(self, name_or_select: str, /, **params: Any) -> list[dict[str, Any]]:
        """Rows of a named query (`queries/*.sql`) or of a SELECT; times are aware, JSON is parsed."""
        columns, marks, found = await self._connection.ask(
            "query", name_or_select, dict(params), False
        )
        return Answer(tuple(columns), marks, found).dicts()

    async def query_arrow(self, name_or_select: str, /, **params: Any) -> pyarrow.Table:
        """The same as an Arrow table."""
        stream = await self._connection.ask("query", name_or_select, dict(params), True)
        import pyarrow

        return pyarrow.ipc.open_stream(stream).read_all()

    async def sql(self, text: str, *, seconds: float | None = None) -> pyarrow.Table:
        """A user's SELECT over the history, as Arrow; cancelling the call interrupts it.

        `outputs('ns.flow', 'task')` is what a task stored as a table.

        Raises: QueryRefused with what is wrong with it, or which limit it met.
        """
        stream = await self._connection.ask("sql", text, seconds)
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
        tables: Sequence[str] | None = None,
    ) -> Follower:
        """What is new, commit by commit, from this call on or from behind `since`: each once, in order.

        `kinds` asks for events of these kinds and for nothing else, `tables` for changes of these tables
        and for nothing else, `executions` for what belongs to some executions. Commits without any of it
        aren't told.
        """
        return self._connection.follow(since, kinds, executions, tables)

    async def rebuild(self) -> None:
        """Make the latest-state tables again from the events."""
        await self._connection.ask("work", "rebuild", {})

    async def purge(
        self, ids: Sequence[str], *, records: Sequence[str] = RECORDS, rows: bool = True
    ) -> dict[str, int]:
        """Remove executions for ever, with their events and records; how many rows of what went.

        `rows` False removes only the records named. Files in storage are the caller's.
        """
        gone: dict[str, int] = await self._connection.ask(
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
        gone: int = await self._connection.ask("work", "purge_records", given)
        return gone

    async def compact(self, before: datetime) -> int:
        """Remove older events of no execution that later ones have made meaningless; how many."""
        gone: int = await self._connection.ask("work", "compact", {"before": before})
        return gone
