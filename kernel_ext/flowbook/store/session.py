"""One host's connection to the storekeeper: its requests in order, its answers as they come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError

from . import frames, purge
from .duckdb import full, is_fatal, is_full, migrations
from .news import Committed, Wanted, page
from .project import BOOKS
from .requests import Append, Record, Reply, Transact, Work
from .transactions import READING, READS

if TYPE_CHECKING:
    from .keeper import Keeper

WAITING = 20_000
"""Rows of one client that wait for their commit before its next frame is read."""


class Client:
    """One connection: its requests in order, its answers as they come."""

    def __init__(
        self, keeper: Keeper, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._keeper, self._reader, self.writer = keeper, reader, writer
        self.host = ""
        self._id = ""
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._waiting = 0
        self._room = asyncio.Event()
        self._room.set()

    async def serve(self) -> None:
        """Greet, then take requests until the client goes."""
        greeting = await frames.read(self._reader)
        if refusal := self._greeted(greeting):
            self._send(0, frames.FAILED, ["WorkspaceError", refusal])
            await self.writer.drain()
            return
        while True:
            message = await frames.read(self._reader)
            self._take(*message)
            if not self._room.is_set():
                await self._room.wait()
            await self.writer.drain()

    def leave(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    def _greeted(self, greeting: Mapping[str, Any]) -> str | None:
        mine = {
            "protocol": frames.PROTOCOL,
            "schema": migrations()[-1][0],
            "pid": os.getpid(),
            "tables": {
                name: [table.key, dict(table.columns)]
                for name, table in self._keeper.database.tables.items()
            },
            "seq": self._keeper.news.seq,
        }
        if greeting["protocol"] != mine["protocol"] or greeting["schema"] != mine["schema"]:
            return (
                f"The storekeeper of this workspace is of another version of flowbook (protocol {mine['protocol']}, "
                f"schema {mine['schema']}; this process speaks {greeting['protocol']}, {greeting['schema']}). Restart "
                f"what is older, kernels included; then end the storekeeper with `kill {os.getpid()}`: "
                "nothing is lost, the next command starts a new one."
            )
        self.host, self._id = greeting["host"], greeting["client"]
        self._send(0, frames.OK, mine)
        return None

    def _take(self, verb: str, number: int, *arguments: Any) -> None:
        keeper = self._keeper
        match verb, arguments:
            case "append", (events, changes, owner, spots):
                held = None if owner is None else (owner[0], owner[1])
                keeper.writer.put(
                    Append(
                        self._id,
                        number,
                        self._reply(number, len(events) + 1),
                        events,
                        [(table, key, text) for table, key, text in changes],
                        held,
                        spots,
                    )
                )
            case "record", (blocks, count):
                keeper.writer.put(
                    Record(self._id, number, self._reply(number, count), blocks, count)
                )
            case "transact", (name, given) if name in READING:
                self._answer(number, keeper.read(keeper.look, name, given, tables=READS[name]))
            case "transact", (name, given):
                keeper.writer.put(Transact(self._id, number, self._reply(number, 1), name, given))
            case "query", (name, given, arrow):
                self._answer(number, keeper.query(name, given, arrow))
            case "sql", (text, seconds):
                self._answer(number, keeper.sql(text, seconds))
            case "work", (name, given):
                self._work(number, name, given)
            case "follow", (since, kinds, executions, tables):
                at = keeper.news.seq if since is None else since
                wanted = Wanted.of(kinds, executions, tables)
                self._start(number, self._follow(number, at, wanted))
            case "cancel", ():
                if task := self._tasks.pop(number, None):
                    task.cancel()
            case _:
                self._send(
                    number,
                    frames.FAILED,
                    ["FlowbookError", f"The storekeeper doesn't know {verb!r}"],
                )

    def _reply(self, number: int, size: int) -> Reply:
        self._waiting += size
        if self._waiting > WAITING:
            self._room.clear()

        def reply(status: int, value: Any) -> None:
            self._waiting -= size
            if self._waiting <= WAITING:
                self._room.set()
            self._send(number, status, value)

        return reply

    def _work(self, number: int, name: str, given: Mapping[str, Any]) -> None:
        keeper = self._keeper
        works: dict[str, Callable[..., tuple[Any, Committed | None]]] = {
            "rebuild": keeper.projection.rebuild,
            "purge": partial(purge.purge, keeper.database),
            "purge_records": purge.purge_records,
            "compact": purge.compact,
        }
        if name not in works:
            self._send(
                number, frames.FAILED, ["FlowbookError", f"The storekeeper doesn't do {name!r}"]
            )
            return
        keeper.writer.put(Work(self._reply(number, 1), partial(works[name], **given)))

    def _answer(self, number: int, answer: Any) -> None:
        async def run() -> None:
            import duckdb

            try:
                self._send(number, frames.OK, await answer)
            except FlowbookError as error:
                self._send(number, frames.FAILED, [type(error).__name__, str(error)])
            except (duckdb.Error, TypeError) as error:
                if is_fatal(error):
                    self._keeper.end()  # unanswered: the client asks the next keeper
                elif is_full(error):
                    self._send(number, frames.FAILED, ["StoreBusy", full(self._keeper.path, error)])
                else:
                    self._send(number, frames.FAILED, ["QueryRefused", str(error)])

        self._start(number, run())

    def _start(self, number: int, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _follow(self, number: int, at: int, wanted: Wanted) -> None:
        keeper = self._keeper
        self._send(number, frames.OK, at)
        while True:
            told = keeper.told
            if at >= keeper.news.seq:
                await told.wait()
                continue
            batches = keeper.news.since(at, wanted)
            if batches is None:
                batches = [await keeper.read(page, wanted, at, keeper.news.seq, tables=BOOKS)]
            for reached, batch in batches:
                at = reached
                if batch is not None:
                    self._send(number, frames.PUSHED, batch)
                    await self.writer.drain()

    def _send(self, number: int, status: int, value: Any) -> None:
        if not self.writer.is_closing():
            self.writer.write(frames.pack([number, status, value]))
