"""The storekeeper: holds the history file, answers hosts on a socket, pushes what is new.

Theory of operation. The loop's thread speaks with clients; one writer thread commits
to the journal (`writer.py`); one projector thread keeps the tables behind it; readers have
a cursor each and bring the projection up before they read. An answer leaves after its commit, and
news of a commit leaves in the order of `seq` (`news.py`): a slow follower costs no memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flowbook.errors import FlowbookError

from . import frames
from .duckdb import Database, full, is_fatal, is_full
from .held import TOUCH, Held
from .journal import Journal
from .named import Statement, parameters, statements
from .news import Committed, News
from .project import Projection, Row
from .recovery import recover
from .requests import Reply, Transact
from .rows import QueryRefused, StoreBusy
from .session import Client
from .sql import Limits
from .sql import Statement as UserStatement
from .transactions import Transaction, perform
from .unfinished import Unfinished
from .writer import Writer

IDLE = 60.0
"""Seconds without a client after which the storekeeper ends."""
AT_ONCE = 5000
"""Rows that are projected without delay: more would keep a reader waiting, fewer are often moved again."""
LAG = 0.05
"""Seconds a change waits at most before it is projected."""
_log = logging.getLogger(__name__)


class Keeper:
    """One open history file and everybody who is connected to it."""

    def __init__(self, database: Path, storage: Path, *, idle: float | None = IDLE) -> None:
        self.path, self._storage, self._idle = database, storage, idle
        self._clients: set[Client] = set()
        self._absent: dict[str, float] = {}
        self._started = time.monotonic()
        self._users = ThreadPoolExecutor(2, thread_name_prefix="flowbook-sql")
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="flowbook-reader")
        self._local = threading.local()
        self.told = asyncio.Event()  # set, and replaced, by every commit
        self._over = asyncio.Event()
        self._wake = threading.Event()
        self._held = Held(database)
        self._ending = False

    async def serve(self, listener: socket.socket) -> None:
        """Serve until nobody has been connected for a while, or `end` is called."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._loop.run_in_executor(None, self._open)
        except Exception as error:
            _log.exception("the history can't be opened")
            await _refuse(listener, error)
            return
        server = await asyncio.start_unix_server(self._connected, sock=listener, limit=1 << 20)
        idle = asyncio.create_task(self._watch())
        try:
            await self._over.wait()
        finally:
            idle.cancel()
            server.close()
            for client in list(self._clients):
                client.writer.close()
            await self._loop.run_in_executor(None, self._close)

    def end(self) -> None:
        """Finish what was accepted, close the file and return from `serve`."""
        self._over.set()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._storage.mkdir(parents=True, exist_ok=True)
        self._held.take()
        database = None
        try:
            self.journal = Journal(self.path.with_name(f"{self.path.name}.journal"))
            self.database = database = Database(
                self.path, self._storage, lambda opened: recover(opened, self.journal)
            )
            self.projection = Projection(database)
            self.projection.catch_up()
            self.unfinished = Unfinished(database, self.projection)
            self.writer = Writer(
                database,
                self.journal,
                self.projection,
                self.unfinished,
                self._committed,
                self._perform,
            )
        except BaseException as error:
            if database is not None:
                database.close()
            self._held.leave()
            if is_full(error):
                raise StoreBusy(full(self.path, error)) from error
            raise
        self.news = News(self.writer.seq)
        self.writer.start()
        self._projector = threading.Thread(
            target=self._project, name="flowbook-projector", daemon=True
        )
        self._projector.start()

    def _close(self) -> None:
        self.writer.stop()
        self._ending = True
        self._wake.set()
        self._projector.join()
        for pool in (self._users, self._readers):
            pool.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(Exception):  # what isn't projected is, on the next opening
            self.projection.apply()
        self.database.close()
        self.journal.close(needed=self.projection.settled < self.journal.seq)
        self._held.leave()

    # -- threads besides the loop ----------------------------------------------------------------

    def _project(self) -> None:
        took = 0.0
        while not self._ending:
            self._wake.wait()
            self._wake.clear()
            if self.projection.count < AT_ONCE:
                time.sleep(
                    max(LAG, 8 * took)
                )  # readers don't wait for this, and writers should have the file
            start = time.monotonic()
            try:
                self.projection.apply()
            except Exception as error:
                if is_fatal(error):
                    self._loop.call_soon_threadsafe(self.end)
                    return
                _log.exception("the projection is behind; it is tried again")
                time.sleep(1)
                self._wake.set()
            took = min(time.monotonic() - start, 0.1)

    def _perform(self, cursor: Any, request: Transact) -> tuple[list[dict[str, Any]], list[Row]]:
        transaction = Transaction(
            self.database, cursor, datetime.now(UTC), self.absent, self.unfinished
        )
        answer = perform(transaction, request.name, request.parameters)
        return answer, transaction.changes

    def absent(self, host: str) -> float | None:
        """Seconds since a host's last connection closed; None while it has one."""
        if any(client.host == host for client in tuple(self._clients)):
            return None
        return time.monotonic() - self._absent.get(host, self._started)

    def _committed(self, commit: Committed | None, replies: list[tuple[Reply, int, Any]]) -> None:
        if commit is not None:
            self._wake.set()
        self._loop.call_soon_threadsafe(self._tell, commit, replies)

    def cursor(self) -> Any:
        """The reading thread's own cursor."""
        cursor = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self.database.cursor()
        return cursor

    # -- the loop --------------------------------------------------------------------------------

    def _tell(self, commit: Committed | None, replies: list[tuple[Reply, int, Any]]) -> None:
        for reply, status, value in replies:
            reply(status, value)
        if commit is not None:
            self.news.add(commit)
            self.told.set()
            self.told = asyncio.Event()
        if self.writer.broken:
            _log.error(
                "the history file can't be used any more; the next storekeeper opens it anew"
            )
            self.end()

    async def _watch(self) -> None:
        """Show that this machine still has the file; end when nobody has been connected for a while."""
        empty = touched = time.monotonic()
        while True:
            await asyncio.sleep(5 if self._idle is None else min(self._idle / 4, 5))
            now = time.monotonic()
            if now - touched > TOUCH:
                self._held.touch()
                touched = now
            if self._clients:
                empty = now
            elif self._idle is not None and now - empty > self._idle:
                self.end()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self, reader, writer)
        self._clients.add(client)
        try:
            await client.serve()
        except (EOFError, ConnectionError):
            pass
        except Exception:
            _log.exception("a client's connection ended with an error")
        finally:
            self._clients.discard(client)
            if client.host:
                self._absent[client.host] = time.monotonic()
            client.leave()
            writer.close()

    async def read(self, work: Any, *arguments: Any, tables: Set[str] | None = None) -> Any:
        """Run a reading function in a reader's thread; the tables it reads hold all that was acknowledged."""

        def run() -> Any:
            self.projection.apply(tables)
            return work(self.cursor(), *arguments)

        return await self._loop.run_in_executor(self._readers, run)

    async def query(self, name: str, given: Mapping[str, Any], arrow: bool) -> Any:
        """The answer to a named query or a SELECT of the engine's."""
        statement = statements().get(name)
        if statement is None:
            if " " not in name.strip():
                raise QueryRefused(f"The store has no query {name!r}")
            statement = Statement("a query", "", name, parameters(name))
        tables = self.database.tables_in(statement.sql)
        return await self.read(self._select, statement, given, arrow, tables=tables)

    async def sql(self, text: str, seconds: float | None) -> bytes:
        """The answer to a user's statement; cancelled, it is interrupted. Raises: QueryRefused."""
        limits = Limits() if seconds is None else Limits(seconds=seconds)

        statement: UserStatement | None = None

        def run() -> bytes:
            nonlocal statement
            self.projection.apply()
            with self.database.cursor() as cursor:
                statement = UserStatement(self.database, cursor, self._storage, text, limits)
                return statement.run()

        future = self._loop.run_in_executor(self._users, run)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if statement is not None:
                statement.end()
            future.cancel()
            with contextlib.suppress(Exception):
                await future
            raise

    def look(self, cursor: Any, name: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The answer of a transaction that only reads."""
        return perform(
            Transaction(self.database, cursor, datetime.now(UTC), self.absent, self.unfinished),
            name,
            given,
        )

    def _select(
        self, cursor: Any, statement: Statement, given: Mapping[str, Any], arrow: bool
    ) -> Any:
        values = {key: _bound(value) for key, value in statement.bind(given).items()}
        if arrow:
            return self.database.arrow(cursor, statement.sql, values)
        answer = self.database.answer(cursor, statement.sql, values)
        return [answer.columns, answer.marks, answer.rows]


def _bound(value: Any) -> Any:
    """A parameter as DuckDB takes it: maps, and lists of them, as JSON."""
    if isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    ):
        return frames.text(value)
    return value


async def _refuse(listener: socket.socket, error: Exception) -> None:
    """The file can't be opened: tell those who ask for a moment, then end."""
    known = isinstance(error, FlowbookError)
    kind = type(error).__name__ if known else "WorkspaceError"
    text = str(error) if known else f"The history can't be opened: {error}"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            await frames.read(reader)
            writer.write(frames.pack([0, frames.FAILED, [kind, text]]))
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, sock=listener)
    await asyncio.sleep(2)
    server.close()
