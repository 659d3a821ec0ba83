"""The one thread that commits: groups what has arrived, refuses the stale, drops what it knows.

A small commit is an entry of the journal, which the projection brings into the tables a moment later; a
large one goes there at once. `seq` counts events and records alike.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flowbook.errors import FlowbookError

from . import frames
from .asked_again import AskedAgain, kept
from .blocks import Columns, Tables, joined, length
from .duckdb import RESERVE, Database, full, is_fatal, is_full, room
from .journal import LARGE, Entry, Journal
from .layout import changes_text, sorted_out, standing_of
from .news import Committed
from .owners import Owners
from .project import BOOKS, Projection, Row
from .recovery import newest
from .requests import GROUP, Append, Record, Reply, Request, Transact, Work
from .rows import StaleOwner, StoreBusy
from .transactions import READS, about
from .unfinished import Unfinished

EVENT = ("seq", "execution_id", "ts", "kind", "payload", "changes", "client", "number")
MANY = 400
"""Rows up to which a commit is an entry; more go straight into the tables."""
_log = logging.getLogger(__name__)


class Writer:
    """Commits requests from a queue; tells `done` about each commit together with the replies due."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        projection: Projection,
        unfinished: Unfinished,
        done: Callable[[Committed | None, list[tuple[Reply, int, Any]]], None],
        perform: Callable[[Any, Transact], tuple[list[dict[str, Any]], list[Row]]],
    ) -> None:
        self._database = database
        self._journal = journal
        self._projection = projection
        self._unfinished = unfinished
        self._done = done
        self._perform = perform
        self._cursor = database.cursor()
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self.seq = newest(self._cursor)
        self._owners = Owners(self._cursor, projection, self._first)
        self._asked = AskedAgain(self._cursor, self._first_of_books, self.seq)
        self.broken = False
        self._thread = threading.Thread(target=self._run, name="flowbook-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, request: Request) -> None:
        self._queue.put(request)

    def stop(self) -> None:
        """Commit what has been put and end."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (request := self._queue.get()) is not None:
            group: list[Request] = [request]
            size, ended = request.size, False
            while size < GROUP:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ended = True
                    break
                group.append(more)
                size += more.size
            self._take(group)
            if ended:
                return

    def _take(self, group: Sequence[Request]) -> None:
        """Carry out requests in order: runs of appends and records in one commit each."""
        together: list[Append | Record] = []
        for request in group:
            if isinstance(request, Append | Record):
                together.append(request)
                continue
            if together:
                self._commit(together)
                together = []
            if isinstance(request, Transact):
                self._transact(request)
            else:
                self._work(request)
        if together:
            self._commit(together)

    def _commit(self, group: Sequence[Append | Record]) -> None:
        replies: list[tuple[Reply, int, Any]] = []
        commit = Committed(seq=self.seq)
        rows: list[tuple[Any, ...]] = []
        owners: dict[str, tuple[str | None, int]] = {}
        numbers: dict[str, int] = {}
        marked: dict[str, int] = {}
        try:
            for request in group:
                last = numbers.get(request.client, self._asked.last(request.client))
                if request.number <= last and (known := self._seq_of(request)):
                    replies.append((request.reply, frames.OK, known))
                    continue
                if isinstance(request, Record):
                    for table, columns in request.blocks:
                        seqs = range(commit.seq + 1, commit.seq + length(columns) + 1)
                        commit.records.append((table, {"seq": list(seqs), **columns}))
                        commit.seq += len(seqs)
                else:
                    standing = standing_of(request)
                    stale = self._owners.refusal(request, owners, standing)
                    if stale:
                        replies.append((request.reply, frames.FAILED, [StaleOwner.__name__, stale]))
                        continue
                    self._lay_out(request, standing, commit, rows)
                    if request.events or standing:
                        marked[request.client] = request.number
                numbers[request.client] = max(last, request.number)
                replies.append((request.reply, frames.OK, commit.seq))
            seen = [
                (client, number)
                for client, number in numbers.items()
                if marked.get(client) != number
            ]
            if rows or commit.records:
                changes = [change for _, some in commit.changes for change in some]
                self._keep(_tables(rows, commit.records, seen), changes, commit.seq)
        except Exception as error:
            self._fail(group, error)
            return
        self._asked.learn(numbers)
        self._owners.learn(owners)
        self._done(commit if rows or commit.records else None, replies)

    def _lay_out(
        self,
        request: Append,
        standing: Mapping[int, list[Row]],
        commit: Committed,
        rows: list[tuple[Any, ...]],
    ) -> None:
        """The rows of `events` an append makes, each with the changes that stand on it."""
        events = list(request.events)
        if standing and not events:
            events = [("", frames.micros(datetime.now(UTC)), "#changes", "{}")]
        for index, (execution, micros, kind, payload) in enumerate(events):
            commit.seq += 1
            changes = standing.get(index)
            text = changes_text(changes) if changes else None
            rows.append(
                (
                    commit.seq,
                    execution,
                    micros,
                    kind,
                    payload,
                    text,
                    request.client,
                    request.number,
                )
            )
            if not kind.startswith("#"):
                commit.events.append((commit.seq, execution, micros, kind, payload))
            if changes:
                commit.changes.append((execution, changes))

    def _keep(self, tables: Tables, changes: Sequence[Row], seq: int) -> None:
        """Make rows durable and tell of them those that follow from it."""
        self._check_room()
        if sum(map(length, tables.values())) > MANY:
            self._insert(tables)
            tables = {}
        else:
            if self._journal.size > LARGE:
                self._projection.apply()
            if self._projection.settled >= self._journal.seq:
                self._journal.start_over()
            self._journal.add(Entry(self.seq, seq, tables))
        self.seq = seq
        self._projection.take(tables, changes, seq)
        self._unfinished.note(changes)

    def _insert(self, tables: Tables) -> None:
        """Bring so many rows into the tables at once that it costs little more than an entry would."""
        cursor = self._cursor
        if len(tables) == 1:  # one statement is its own transaction
            for table, columns in tables.items():
                self._database.insert(cursor, table, columns)
            return
        cursor.execute("begin")
        try:
            for table, columns in tables.items():
                self._database.insert(cursor, table, columns)
            cursor.execute("commit")
        except BaseException:
            self._rollback()
            raise

    def _transact(self, request: Transact) -> None:
        if (known := self._asked.answer_of(request)) is not None:
            self._done(None, [(request.reply, frames.OK, known)])
            return
        cursor = self._cursor
        try:
            self._projection.apply(
                READS.get(request.name, BOOKS), about(request.name, request.parameters)
            )
            cursor.execute("begin")
            try:
                answer, changes = self._perform(cursor, request)
                cursor.execute("commit")
            except BaseException:
                self._rollback()
                raise
            by_execution = sorted_out(request, changes)
            if changes:
                rows = self._noted(request, answer, by_execution)
                self._keep(_tables(rows, (), ()), changes, rows[-1][0])
        except FlowbookError as error:
            self._done(None, [(request.reply, frames.FAILED, [type(error).__name__, str(error)])])
            return
        except Exception as error:
            self._fail([request], error)
            return
        committed = None
        if changes:
            self._asked.learn(
                {request.client: max(self._asked.last(request.client), request.number)}
            )
            self._owners.note(changes)
            committed = Committed(seq=self.seq, changes=list(by_execution.items()))
        self._done(committed, [(request.reply, frames.OK, answer)])

    def _noted(
        self,
        request: Transact,
        answer: list[dict[str, Any]],
        by_execution: Mapping[str, Sequence[Row]],
    ) -> list[tuple[Any, ...]]:
        """The events that carry a transaction's changes, one an execution; the last has its answer too.

        The answer is for a client that asks again.
        """
        seq, now = self.seq, frames.micros(datetime.now(UTC))
        rows: list[tuple[Any, ...]] = []
        for execution, some in by_execution.items():
            seq += 1
            payload = kept(answer) if len(rows) == len(by_execution) - 1 else "{}"
            kind = f"#{request.name}"
            rows.append(
                (
                    seq,
                    execution,
                    now,
                    kind,
                    payload,
                    changes_text(some),
                    request.client,
                    request.number,
                )
            )
        return rows

    def _work(self, request: Work) -> None:
        cursor = self._cursor
        try:
            self._projection.apply()
            with self._projection.lock:
                cursor.execute("begin")
                try:
                    answer, committed = request.work(cursor, self.seq)
                    cursor.execute("commit")
                except BaseException:
                    self._rollback()
                    raise
                if committed is not None:
                    self.seq = self._projection.projected = committed.seq
        except FlowbookError as error:
            self._done(None, [(request.reply, frames.FAILED, [type(error).__name__, str(error)])])
        except Exception as error:
            self._fail([request], error)
        else:
            self._owners.forget()
            self._unfinished.forget()
            self._done(committed, [(request.reply, frames.OK, answer)])

    def _fail(self, group: Iterable[Request], error: Exception) -> None:
        """Nothing of the group is durable: say so to each. Unless nobody can know: then say nothing.

        A file that broke in a commit is opened anew by the next keeper; the clients, unanswered, ask it
        again, and it knows from the file what is durable.
        """
        if is_fatal(error):
            _log.error("the history file broke: %s", error)
            self.broken = True
            self._done(None, [])
            return
        if isinstance(error, StoreBusy) or is_full(error):
            kind, text = StoreBusy.__name__, str(error)
            if not isinstance(error, StoreBusy):
                text = full(self._database.path, error)
        else:
            kind, text = "WorkspaceError", f"The history can't be written: {error}"
            _log.exception("a commit failed")
        self._done(None, [(request.reply, frames.FAILED, [kind, text]) for request in group])

    def _check_room(self) -> None:
        if room(self._database.path) < RESERVE:
            raise StoreBusy(full(self._database.path))

    def _rollback(self) -> None:
        try:
            self._cursor.execute("rollback")
        except Exception as error:
            self.broken = self.broken or is_fatal(error)

    def _first(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row; all are fetched, since an unread rest would refuse the next insert."""
        found: list[tuple[Any, ...]] = self._cursor.execute(sql, list(values)).fetchall()
        return found[0] if found else None

    def _first_of_books(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        self._projection.apply(BOOKS)
        return self._first(sql, *values)

    def _seq_of(self, request: Append | Record) -> int | None:
        """What a resent request was answered; None for an append that was refused."""
        if isinstance(request, Record) or not (request.events or request.changes):
            return self.seq
        return self._asked.seq_of(request)


def _tables(
    events: Sequence[tuple[Any, ...]],
    records: Sequence[tuple[str, Columns]],
    seen: Sequence[tuple[str, int]],
) -> dict[str, Columns]:
    """What one commit brings to each table."""
    tables = joined(records)
    if events:
        tables["events"] = dict(zip(EVENT, zip(*events, strict=True), strict=True))
    if seen:
        clients, numbers = zip(*seen, strict=True)
        now = frames.micros(datetime.now(UTC))
        tables["seen"] = {"client": clients, "number": numbers, "ts": [now] * len(seen)}
    return tables
