"""The history file in DuckDB: opened, migrated, written in bulk, read as rows or Arrow."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from flowbook.errors import WorkspaceError

from .blocks import length
from .frames import moment
from .named import words
from .rows import StoreBusy

UPGRADE = "pip install --upgrade flowbook"
_SETTINGS = (
    "set global TimeZone = 'UTC'",
    "set wal_autocheckpoint_entries = 500",  # a file is open again 29 ms after a kill, not 1.4 s
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set python_enable_replacements = false",  # a name in SQL is never a variable of this process
)
RESERVE = 16 << 20
"""Bytes that must be free for new events: a checkpoint that finds no room would break the open file."""
FEW = 6
"""Up to so many rows bound values are the fastest insert, beyond it an Arrow table."""
TIME = "TIMESTAMP WITH TIME ZONE"
VIEWS = frozenset({"runs", "tasks"})


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the file has it: columns with their types, and the primary key."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]

    @property
    def shape(self) -> str:
        """The JSON structure `from_json` reads one row with."""
        return json.dumps([dict(self.columns)])


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows as they travel: `marks` says per column what the client still turns (`j` JSON, `t` time)."""

    columns: tuple[str, ...]
    marks: str
    rows: list[tuple[Any, ...]]

    def dicts(self) -> list[dict[str, Any]]:
        """The rows with JSON and times turned into values."""
        turns: dict[str, Callable[[Any], Any]] = {"j": json.loads, "t": moment}
        turned = [(index, turns[mark]) for index, mark in enumerate(self.marks) if mark in turns]
        result = []
        for row in self.rows:
            cells = list(row)
            for index, turn in turned:
                if cells[index] is not None:
                    cells[index] = turn(cells[index])
            result.append(dict(zip(self.columns, cells, strict=True)))
        return result


class Database:
    """The open file. Writes go through one thread at a time; every reading thread has its own cursor."""

    def __init__(
        self, path: Path, storage: Path, recover: Callable[[Database], None] | None = None
    ) -> None:
        """`recover` is called before the file is migrated: what it brings has the shape the file has."""
        import duckdb

        self.path = path
        self._shapes: dict[str, tuple[str, tuple[str, ...], str]] = {}
        try:
            self.connection = duckdb.connect(str(path))
        except duckdb.Error as error:
            if is_full(error):
                raise StoreBusy(full(path, error)) from error
            raise WorkspaceError(_unopened(path, error)) from error
        try:
            for setting in _SETTINGS:
                self.connection.execute(setting)
            steps = steps_of(self)
            if recover is not None:
                recover(self)
            migrate(self, steps)
            # Users' SQL runs here too: from now on only storage can be read, and nobody changes that.
            folder = str(storage.resolve()).replace("'", "''")
            self.connection.execute(f"set allowed_directories = ['{folder}']")
            self.connection.execute("set enable_external_access = false")
            self.connection.execute("set lock_configuration = true")
        except BaseException:
            self.connection.close()
            raise

    def cursor(self) -> Any:
        return self.connection.cursor()

    def close(self) -> None:
        with contextlib.suppress(Exception):  # a file that can't be written can't be checkpointed
            self.connection.close()

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        columns: dict[str, dict[str, str]] = {}
        for table, column, kind in self.connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'main' and not internal and table_name in (select table_name from duckdb_tables()) "
            "order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, {})[column] = kind
        keys = dict(
            self.connection.execute(
                "select table_name, constraint_column_names from duckdb_constraints() "
                "where constraint_type = 'PRIMARY KEY'"
            ).fetchall()
        )
        return {
            name: Table(name, kinds, tuple(keys.get(name, ()))) for name, kinds in columns.items()
        }

    def tables_in(self, sql: str) -> Set[str] | None:
        """The tables a statement may read; None for one that reads a view."""
        names = words(sql)
        return None if names & VIEWS else names & self.tables.keys()

    def put(self, cursor: Any, name: str, rows: Sequence[str]) -> None:
        """Write rows given as JSON objects over those with the same primary key."""
        table = self.tables[name]
        columns = ", ".join(f'"{column}"' for column in table.columns)
        cursor.execute(
            f'insert or replace into "{name}" ({columns}) '
            "select unnest(from_json($1, $2), recursive := true)",
            [f"[{','.join(rows)}]", table.shape],
        )

    def insert(self, cursor: Any, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows given as columns; times are microseconds since 1970, JSON is text.

        What the cursor was last asked must have been read to its end.
        """
        kinds = self.tables[table].columns
        count = length(columns)
        if count <= FEW:
            # as few names and calls as can be: each costs some hundredths of a millisecond
            given = [
                [None if one is None else moment(one) for one in column]
                if kinds[name] == TIME
                else column
                for name, column in columns.items()
            ]
            quoted = (f'"{name}"' for name in columns)
            names = "" if list(columns) == list(kinds) else f"({', '.join(quoted)})"
            places = f"({', '.join('?' * len(given))})"
            values = [value for row in zip(*given, strict=True) for value in row]
            cursor.execute(
                f'insert into "{table}" {names} values {", ".join([places] * count)}', values
            )
            return
        import pyarrow

        arrow = {
            "BIGINT": pyarrow.int64(),
            "INTEGER": pyarrow.int32(),
            "DOUBLE": pyarrow.float64(),
            TIME: pyarrow.timestamp("us", "UTC"),
        }
        types = {column: arrow.get(kind, pyarrow.string()) for column, kind in kinds.items()}
        arrays = [
            pyarrow.array(columns[column], kind)
            if column in columns
            else pyarrow.nulls(count, kind)
            for column, kind in types.items()
        ]
        rows = pyarrow.table(arrays, names=list(types))
        cursor.from_arrow(rows).insert_into(table)

    def delete(self, cursor: Any, name: str, keys: Sequence[Sequence[Any]]) -> None:
        """Delete rows by their primary keys."""
        table = self.tables[name]
        shape = json.dumps([{column: table.columns[column] for column in table.key}])
        rows = json.dumps([dict(zip(table.key, key, strict=True)) for key in keys])
        columns = ", ".join(f'"{column}"' for column in table.key)
        cursor.execute(
            f'delete from "{name}" where ({columns}) in '
            "(select unnest(from_json($1, $2), recursive := true))",
            [rows, shape],
        )

    def answer(self, cursor: Any, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """The rows of a SELECT, ready to travel."""
        wrapped, columns, marks = self._shape(cursor, sql, parameters)
        rows = cursor.execute(wrapped, parameters or None).fetchall()
        return Answer(columns, marks, rows)

    def rows(
        self, cursor: Any, sql: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a SELECT as dicts of Python values."""
        return self.answer(cursor, sql, parameters).dicts()

    def arrow(self, cursor: Any, sql: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """The rows of a SELECT as an Arrow IPC stream."""
        import pyarrow

        reader = cursor.sql(sql, params=parameters or None).to_arrow_reader(65536)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        result: bytes = sink.getvalue().to_pybytes()
        return result

    def _shape(
        self, cursor: Any, sql: str, parameters: Mapping[str, Any] | None
    ) -> tuple[str, tuple[str, ...], str]:
        """How to ask so that no driver module is imported for times (pytz), and what comes back."""
        known = self._shapes.get(sql)
        if known is None:
            described = cursor.execute(
                f"select * from ({sql}\n) limit 0", parameters or None
            ).description
            columns = tuple(column[0] for column in described)
            marks = "".join(_mark(str(column[1])) for column in described)
            turned = [
                f'epoch_us("{name}") as "{name}"'
                for name, mark in zip(columns, marks, strict=True)
                if mark == "t"
            ]
            wrapped = f"select * replace ({', '.join(turned)}) from ({sql}\n)" if turned else sql
            if len(self._shapes) > 500:
                self._shapes.clear()
            known = self._shapes[sql] = (wrapped, columns, marks)
        return known


def _mark(kind: str) -> str:
    if kind == "JSON":
        return "j"
    return "t" if kind == TIME else "-"


@cache
def migrations() -> list[tuple[int, str, str]]:
    """All migrations in order: number, name, SQL."""
    found = []
    for file in resources.files(__package__).joinpath("migrations").iterdir():
        if match := re.fullmatch(r"(\d{4})-[\w-]+\.sql", file.name):
            found.append((int(match[1]), file.name, file.read_text("utf-8")))
    return sorted(found)


def steps_of(database: Database) -> list[tuple[int, str, str]]:
    """The migrations that a file hasn't seen. Raises: WorkspaceError for one that is newer."""
    steps = migrations()
    newest = steps[-1][0]
    present = schema(database.connection)
    if present > newest:
        # closing must not even write the log into the file
        database.connection.execute("pragma disable_checkpoint_on_shutdown")
        raise WorkspaceError(
            f"{database.path} was written by a newer flowbook (schema {present}, this one knows {newest}). "
            f"Nothing was changed. Upgrade with: {UPGRADE}"
        )
    return [step for step in steps if step[0] > present]


def migrate(database: Database, steps: Sequence[tuple[int, str, str]]) -> None:
    """Bring the file to the code's schema, a copy kept."""
    if not steps:
        return
    if steps[0][0] > 1:
        database.connection.execute("checkpoint")
        newest = steps[-1][0]
        copy = database.path.with_name(f"{database.path.name}.before-{newest:04}")
        shutil.copyfile(database.path, copy)
    for number, _, sql in steps:
        _apply(database.connection, number, sql)
    database.__dict__.pop("tables", None)  # `recover` has seen the old ones


def schema(connection: Any) -> int:
    """The number of the last migration a file has seen; 0 for an empty one."""
    known = connection.execute("select 1 from duckdb_tables() where table_name = 'meta'").fetchone()
    if not known:
        return 0
    row = connection.execute("select value from meta where name = 'schema'").fetchone()
    return int(row[0]) if row else 0


def _apply(connection: Any, number: int, sql: str) -> None:
    connection.execute("begin")
    try:
        connection.execute(sql)
        connection.execute("insert or replace into meta values ('schema', ?)", [str(number)])
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def is_full(error: BaseException) -> bool:
    """Whether a write failed for want of room."""
    text = str(error).lower()
    return any(
        sign in text for sign in ("no space left", "disk full", "disk quota", "file too large")
    )


def is_fatal(error: BaseException) -> bool:
    """Whether the open file can't be used any more; what was committed is found when it is opened again."""
    text = str(error)
    return "invalidated" in text or "FATAL" in text or "COMMIT succeeded" in text


def does_not_fit(error: BaseException) -> bool:
    """Whether the rows are to blame: the same rows fail again. What fails for want of memory or of a file
    that can be read may succeed the next time."""
    import duckdb

    of_rows = duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError
    return isinstance(error, (*of_rows, TypeError, ValueError, OverflowError)) and not (
        is_full(error) or is_fatal(error)
    )


def full(path: Path, error: BaseException | None = None) -> str:
    """What a person is told about a full disk."""
    why = f" ({str(error).splitlines()[0]})" if error is not None else ""
    return (
        f"The disk of {path.parent} is full: {room(path) >> 20} MiB are free, the history needs {RESERVE >> 20}. "
        f"Everything that was confirmed is safe; make room and it goes on.{why}"
    )


def _unopened(path: Path, error: Exception) -> str:
    text = str(error)
    if "lock" in text.lower() and "conflicting" in text.lower():
        return f"The history {path} is open in another process, which isn't a storekeeper: {text}"
    if "storage version" in text.lower() or "newer version" in text.lower():
        return f"{path} was written by a newer DuckDB: {text}\nNothing was changed. Upgrade with: {UPGRADE}"
    return f"The history {path} can't be opened: {text}"


def room(path: Path) -> int:
    """Bytes free where the file lies."""
    stat = os.statvfs(path.parent)
    return stat.f_bavail * stat.f_frsize
