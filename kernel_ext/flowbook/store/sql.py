"""Users' SQL: one SELECT, read-only, bounded in time and memory, with outputs as tables.

Theory of operation. DuckDB itself takes the text apart (`json_serialize_sql` knows SELECT only).
The instance is locked when it is opened: no settings, no files but storage's. What is left to do
here: refuse what writes from inside a SELECT, run in a read-only transaction, watch clock and
memory from beside, and put the files of `outputs('ns.flow', 'task')` in its place.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .duckdb import Database
from .named import statements
from .rows import QueryRefused

SECONDS = 60.0
MEMORY = 1 << 30
ANSWER = 256 << 20
"""Bytes an answer may have: it travels in one frame."""
_READING = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_OUTPUTS = (
    "outputs('namespace.flow', 'task' [, 'name'] [, run := 'execution id' | as_of := '2026-11-01'])"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may take."""

    seconds: float = SECONDS
    memory: int = MEMORY
    answer: int = ANSWER


class Statement:
    """One statement of a user: checked when it is made, run once, ended from any thread."""

    def __init__(
        self, database: Database, cursor: Any, storage: Path, text: str, limits: Limits
    ) -> None:
        self._database, self._cursor, self._storage, self._limits = (
            database,
            cursor,
            storage,
            limits,
        )
        self._ended: str | None = None
        self._done = threading.Event()
        self._text = text

    def run(self) -> bytes:
        """The answer as an Arrow IPC stream. Raises: QueryRefused."""
        import duckdb

        try:
            sql = self._checked()
            self._cursor.execute("begin transaction read only")
        except duckdb.Error as error:
            raise QueryRefused(_first(error)) from error
        watch = threading.Thread(target=self._watch, name="flowbook-sql-watch", daemon=True)
        watch.start()
        try:
            return self._read(sql)
        except duckdb.Error as error:
            raise QueryRefused(self._ended or _first(error)) from error
        finally:
            self._done.set()
            watch.join()
            try:
                self._cursor.execute("rollback")
            except duckdb.Error:
                pass  # an error had ended the transaction

    def end(self, reason: str = "The statement was cancelled.") -> None:
        """Interrupt it; `run` raises with the reason."""
        self._ended = self._ended or reason
        if not self._done.is_set():
            self._cursor.interrupt()

    def _read(self, sql: str) -> bytes:
        import pyarrow

        reader = self._cursor.sql(sql).to_arrow_reader(16384)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, reader.schema) as writer:
            for batch in reader:
                if self._ended:
                    raise QueryRefused(self._ended)
                writer.write_batch(batch)
                if sink.tell() > self._limits.answer:
                    raise QueryRefused(
                        f"The answer has more than {self._limits.answer >> 20} MiB. Aggregate, or add a LIMIT."
                    )
        result: bytes = sink.getvalue().to_pybytes()
        return result

    def _watch(self) -> None:
        end = time.monotonic() + self._limits.seconds
        before = _memory()
        while not self._done.wait(0.05):
            if time.monotonic() > end:
                self.end(f"The statement took more than {self._limits.seconds:g} s and was ended.")
            elif _memory() - before > self._limits.memory:
                self.end(
                    f"The statement took more than {self._limits.memory >> 20} MiB of memory and was ended."
                )
            if self._ended:
                self._cursor.interrupt()

    def _checked(self) -> str:
        """The text to run. Raises: QueryRefused."""
        (tree,) = self._cursor.execute(
            "select json_serialize_sql($1::varchar)::varchar", [self._text]
        ).fetchone()
        parsed = json.loads(tree)
        if parsed["error"]:
            if parsed["error_type"] == "not implemented":
                raise QueryRefused(
                    "Only a SELECT can be asked of the history: it is read here, never changed."
                )
            raise QueryRefused(
                f"{parsed['error_message']}{_place(self._text, parsed.get('position'))}"
            )
        if len(parsed["statements"]) != 1:
            raise QueryRefused(f"One SELECT at a time, these are {len(parsed['statements'])}.")
        found = False
        for node in _nodes(parsed):
            kind = str(node.get("type", ""))
            if kind.endswith("_NODE") and kind not in _READING and "QUERY" in kind:
                raise QueryRefused(
                    "Only a SELECT can be asked of the history: it is read here, never changed."
                )
            function = node.get("function")
            if (
                kind == "TABLE_FUNCTION"
                and isinstance(function, dict)
                and function["function_name"] == "outputs"
            ):
                node["function"] = self._files(function["arguments"])
                found = True
        if not found:
            return self._text
        (sql,) = self._cursor.execute(
            "select json_deserialize_sql($1)", [json.dumps(parsed)]
        ).fetchone()
        return str(sql)

    def _files(self, arguments: list[dict[str, Any]]) -> dict[str, Any]:
        """`read_parquet` of what an `outputs(…)` means."""
        given: dict[str, str] = {}
        names = iter(("flow", "task", "name"))
        for argument in arguments:
            value = _constant(argument["expression"])
            name = argument["name"] or argument["expression"].get("alias") or next(names, None)
            if name not in ("flow", "task", "name", "run", "as_of") or value is None:
                raise QueryRefused(f"It is {_OUTPUTS}, with constants.")
            given[name] = value
        if not {"flow", "task"} <= given.keys() or ("run" in given and "as_of" in given):
            raise QueryRefused(f"It is {_OUTPUTS}, with constants.")
        namespace, _, flow = given["flow"].rpartition(".")
        rows = self._rows(
            "tables_of_task",
            namespace=namespace,
            flow_id=flow,
            task=given["task"],
            run=given.get("run"),
            as_of=_moment(given.get("as_of")),
        )
        wanted = f"outputs('{given['flow']}', '{given['task']}')"
        kinds = sorted({row["name"] or "" for row in rows})
        if "name" in given:
            rows = [row for row in rows if row["name"] == given["name"]]
        elif len(kinds) > 1:
            raise QueryRefused(
                f"{wanted} has several tables, name one: {', '.join(map(repr, kinds))}."
            )
        if not rows:
            told = f" It has: {', '.join(map(repr, kinds))}." if kinds else ""
            raise QueryRefused(
                f"{wanted} has no table{' ' + repr(given['name']) if 'name' in given else ''}: no run that ended "
                f"well has stored one.{told} Values are in the table `outputs`."
            )
        files = [str(self._path(row["uri"])) for row in rows]
        (tree,) = self._cursor.execute(
            "select json_serialize_sql('select * from read_parquet([' || array_to_string(list_transform($1::varchar[], "
            "lambda f: '''' || replace(f, '''', '''''') || ''''), ', ') || '], union_by_name := true)')::varchar",
            [files],
        ).fetchone()
        function: dict[str, Any] = json.loads(tree)["statements"][0]["node"]["from_table"][
            "function"
        ]
        return function

    def _rows(self, name: str, **given: Any) -> list[dict[str, Any]]:
        statement = statements()[name]
        return self._database.rows(self._cursor, statement.sql, statement.bind(given))

    def _path(self, uri: str) -> Path:
        from flowbook.storage.files import Storage

        return Storage(self._storage).path(uri).resolve()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the parsed statement."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _constant(expression: dict[str, Any]) -> str | None:
    if expression.get("class") == "CAST":
        return _constant(expression["child"])
    literal = expression.get("literal")
    if expression.get("class") != "CONSTANT" or not isinstance(literal, dict):
        return None
    text = literal.get("text")
    return None if text is None else str(text)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryRefused(
            f"as_of: {text!r} is no date or time like '2026-11-01' or '2026-11-01T12:00'."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _place(text: str, position: str | None) -> str:
    if position is None or not position.isdigit():
        return ""
    before = text.encode()[: int(position)].decode("utf-8", "replace")
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"


def _first(error: Exception) -> str:
    return str(error).strip()


def _memory() -> int:
    """Bytes this process holds; 0 where the system doesn't tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * _PAGE_SIZE
    except OSError:
        return 0


_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
