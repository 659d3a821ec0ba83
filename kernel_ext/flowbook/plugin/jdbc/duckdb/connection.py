"""A DuckDB connection of one task, and statements run in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kinds.dynamic import Json
from flowbook.plugin.jdbc.rows import Fetched, FetchType, fetched
from flowbook.plugin.jdbc.sql import placeholders

COPIED_TO = re.compile(r"\bTO\s+'((?:[^']|'')+)'", re.IGNORECASE)
SCHEME = re.compile(r"^[a-z][a-z0-9+]*:", re.IGNORECASE)


def connect(url: str | None, *, directory: Path, root: Path, zone: str | None) -> Any:
    """A connection: in memory, or to the file that `jdbc:duckdb:<path>` names."""
    import duckdb

    name = (url or "").removeprefix("jdbc:duckdb:").partition("?")[0].strip()
    database = ":memory:" if name in {"", ":memory:"} else name
    if database != ":memory:" and not SCHEME.match(database):
        database = str(root / database)
    try:
        connection = duckdb.connect(database)
    except duckdb.Error as error:
        raise TaskFailed(str(error), kind=type(error).__name__) from None
    connection.execute("SET python_enable_replacements = false")  # our variables are no tables
    connection.execute(f"SET file_search_path = {_quoted(str(directory))}")
    if zone:
        connection.execute(f"SET TimeZone = {_quoted(zone)}")
    return connection


def run(
    connection: Any,
    sql: str,
    parameters: Mapping[str, Json],
    *,
    wanted: frozenset[FetchType],
    directory: Path,
    folder: Path,
    batch: int,
    each: bool = False,
    ignore_missing: bool = False,
) -> list[Fetched]:
    """Run all statements; what the last one gave, or with `each` every one. Blocks.

    Raises:
        TaskFailed: DuckDB refuses a statement; the message is DuckDB's own.
    """
    import duckdb

    results: list[Fetched] = []
    try:
        statements = connection.extract_statements(placeholders(sql, parameters, "$"))
        for number, statement in enumerate(statements, 1):
            values = {name: parameters[name] for name in statement.named_parameters}
            counts = each or number == len(statements)
            if counts and _kind(statement) == "SELECT":
                # only a relation gives Arrow without a copy of all rows
                result = connection.sql(statement, params=values or None)
            else:
                # a COPY is executed as text, with its target inside the working directory
                copies = _kind(statement) == "COPY"
                query = _inside(statement.query, directory) if copies else statement
                result = connection.execute(query, values or None)
            if counts:
                place = folder / str(number)
                place.mkdir(parents=True, exist_ok=True)
                results.append(_taken(result, statement, wanted, place, batch))
    except (duckdb.CatalogException, duckdb.IOException) as error:
        if not ignore_missing:
            raise TaskFailed(str(error), kind=type(error).__name__) from None
        results.append(Fetched(rows=[]))
    except duckdb.Error as error:
        raise TaskFailed(str(error), kind=type(error).__name__) from None
    except KeyError as error:
        raise TaskFailed(f"No value for the parameter {error} in `parameters`") from None
    return results


def _taken(
    result: Any, statement: Any, wanted: frozenset[FetchType], folder: Path, batch: int
) -> Fetched:
    kinds = {str(kind).rpartition(".")[2] for kind in statement.expected_result_type}
    if "CHANGED_ROWS" in kinds and result.description and len(result.description) == 1:
        row = result.fetchone()
        changed = row[0] if row and isinstance(row[0], int) else 0
        return Fetched(changed=changed)
    if not result.description or (kinds == {"NOTHING"}):
        return Fetched(changed=0)
    return fetched(_batches(result, batch), wanted, folder)


def _batches(result: Any, size: int) -> Iterator[Any]:
    yield from result.to_arrow_reader(size)


def _kind(statement: Any) -> str:
    return str(statement.type).rpartition(".")[2]


def _inside(query: str, directory: Path) -> str:
    """DuckDB reads relative names in `file_search_path`, but writes them where the host stands."""

    def replaced(found: re.Match[str]) -> str:
        name = found[1].replace("''", "'")
        if Path(name).is_absolute() or SCHEME.match(name):
            return found[0]
        return f"TO {_quoted(str(directory / name))}"

    return COPIED_TO.sub(replaced, query)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
