"""SQL in a SQLite file, statement by statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.plugin.jdbc.rows import Fetched, FetchType, fetched
from flowbook.plugin.jdbc.sql import QueryTask
from flowbook.plugin.jdbc.threads import interruptible


class SqliteTask(QueryTask):
    """A task that runs SQL in SQLite, in memory unless `url` names a file."""

    async def results(self, context: Context, *, each: bool) -> list[Fetched]:
        """Run the SQL; what the last statement gave, or with `each` every one."""
        url = (await context.render(self.url) or "").removeprefix("jdbc:sqlite:")
        database = str(context.workspace_root / url) if url and url != ":memory:" else ":memory:"
        sql = await context.render(self.sql)
        parameters = await context.render(self.parameters) or {}
        wanted = await self.wanted(context)
        size = await context.render(self.fetch_size)
        folder = context.run_folder / "results"
        try:
            connection = sqlite3.connect(database, check_same_thread=False)
        except sqlite3.Error as error:
            raise TaskFailed(f"{database}: {error}", kind=type(error).__name__) from None
        try:
            return await interruptible(
                lambda: run(connection, sql, parameters, wanted, folder, size, each),
                connection.interrupt,
            )
        finally:
            connection.close()


def run(
    connection: sqlite3.Connection,
    sql: str,
    parameters: Mapping[str, Json],
    wanted: frozenset[FetchType],
    folder: Path,
    size: int,
    each: bool,
) -> list[Fetched]:
    """Run all statements in one transaction. Blocks. Raises `TaskFailed` with SQLite's own message."""
    results: list[Fetched] = []
    statements = list(statements_of(sql))
    try:
        with connection:
            for number, statement in enumerate(statements, 1):
                cursor = connection.execute(statement, parameters)
                if each or number == len(statements):
                    place = folder / str(number)
                    place.mkdir(parents=True, exist_ok=True)
                    results.append(_taken(cursor, wanted, place, size))
    except sqlite3.Error as error:
        raise TaskFailed(str(error), kind=type(error).__name__) from None
    except ValueError as error:  # Arrow's: a value unlike those before it
        raise TaskFailed(f"A column holds values of several types, CAST it: {error}") from None
    return results


def statements_of(sql: str) -> Iterator[str]:
    """The statements of a text, one by one.

    >>> list(statements_of("select ';'; select 2;"))
    ["select ';';", 'select 2;']
    """
    text = ""
    for piece in sql.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            if text.strip(" \n\t;"):
                yield text.strip()
            text = ""
    if text.strip(" \n\t;"):
        yield text.strip()


def _taken(
    cursor: sqlite3.Cursor, wanted: frozenset[FetchType], folder: Path, size: int
) -> Fetched:
    if cursor.description is None:
        return Fetched(changed=max(cursor.rowcount, 0))
    names = [column[0] for column in cursor.description]
    return fetched(_batches(cursor, names, size), wanted, folder)


def _batches(cursor: sqlite3.Cursor, names: list[str], size: int) -> Iterator[Any]:
    import pyarrow as pa

    schema = None
    while rows := cursor.fetchmany(size):
        columns = [list(column) for column in zip(*rows, strict=True)]
        try:
            batch = pa.RecordBatch.from_pydict(dict(zip(names, columns, strict=True)), schema)
        except pa.ArrowInvalid:  # SQLite lets a column hold values of several types
            texts = [[None if v is None else str(v) for v in column] for column in columns]
            batch = pa.RecordBatch.from_pydict(dict(zip(names, texts, strict=True)))
        schema = schema or batch.schema
        yield batch if batch.schema == schema else batch.cast(schema)
