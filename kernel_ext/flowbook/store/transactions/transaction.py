"""What a named transaction reads and writes with, and the table of them.

A transaction reads by named query and writes whole rows by `put` and `delete`; its writes become
the changes of one event, so that the tables can be rebuilt from events alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from flowbook.errors import FlowbookError, NotFound
from flowbook.store import frames
from flowbook.store.duckdb import Database
from flowbook.store.named import statements
from flowbook.store.project import Row
from flowbook.store.unfinished import Unfinished

Rows: TypeAlias = list[dict[str, Any]]


@dataclass(slots=True)
class Transaction:
    """What a named transaction reads and writes with."""

    database: Database
    cursor: Any
    now: datetime
    absent: Callable[[str], float | None]
    """Seconds since a host's connection closed; None while it is connected."""
    unfinished: Unfinished
    changes: list[Row] = field(default_factory=list)
    reads: Set[str] = frozenset()
    _written: dict[tuple[str, tuple[Any, ...]], dict[str, Any] | None] = field(default_factory=dict)

    def query(self, name: str, **parameters: Any) -> Rows:
        """The rows of a named query, as of the start of the transaction."""
        statement = statements()[name]
        self._allow(self.database.tables_in(statement.sql) or set())
        return self.database.rows(self.cursor, statement.sql, statement.bind(parameters))

    def row(self, table: str, *key: Any) -> dict[str, Any] | None:
        """One row by its primary key, with what this transaction has written."""
        if (table, key) in self._written:
            return self._written[table, key]
        self._allow({table})
        columns = self.database.tables[table].key
        where = " and ".join(f'"{column}" = ${index + 1}' for index, column in enumerate(columns))
        found = self.database.rows(
            self.cursor,
            f'select * from "{table}" where {where}',
            {str(index + 1): value for index, value in enumerate(key)},
        )
        return found[0] if found else None

    def _allow(self, tables: Set[str]) -> None:
        if unsaid := tables - self.reads:
            raise RuntimeError(f"A transaction reads {', '.join(sorted(unsaid))} without saying so")

    def put(self, table: str, **values: Any) -> dict[str, Any]:
        """Write one whole row."""
        shape = self.database.tables[table]
        if unknown := values.keys() - shape.columns.keys():
            raise TypeError(f"{table} has no column {', '.join(sorted(unknown))}")
        key = tuple(values[column] for column in shape.key)
        row = {column: values.get(column) for column in shape.columns}
        self._written[table, key] = row
        self.changes.append((table, frames.text(key), frames.text(row)))
        return row

    def delete(self, table: str, *key: Any) -> None:
        """Remove one row."""
        self._written[table, key] = None
        self.changes.append((table, frames.text(key), None))


Action: TypeAlias = Callable[..., Rows]
ACTIONS: dict[str, Action] = {}
READS: dict[str, frozenset[str]] = {}
"""Which tables a transaction reads: they are brought up to date before it."""
READING: set[str] = set()
_ABOUT: dict[str, tuple[str, ...]] = {}


def about(name: str, parameters: Mapping[str, Any]) -> str:
    """What the keys of the rows that a transaction reads begin with, as JSON text; `[` for any."""
    beginning = [parameters.get(parameter) for parameter in _ABOUT.get(name, ())]
    return frames.text(beginning).removesuffix("]")


def action(*tables: str, about: tuple[str, ...] = ()) -> Callable[[Action], Action]:
    """Make a function a named transaction that reads these tables, and of them only rows whose primary
    keys begin with the parameters `about`."""

    def known(function: Action) -> Action:
        ACTIONS[function.__name__] = function
        READS[function.__name__] = frozenset(tables)
        if about:
            _ABOUT[function.__name__] = about
        return function

    return known


def reading(*tables: str) -> Callable[[Action], Action]:
    """Make it a transaction that only reads: it doesn't wait for writers."""

    def known(function: Action) -> Action:
        READING.add(function.__name__)
        return action(*tables)(function)

    return known


def perform(transaction: Transaction, name: str, parameters: Mapping[str, Any]) -> Rows:
    """Carry out a transaction by name. Raises: FlowbookError."""
    known = ACTIONS.get(name)
    if known is None:
        raise NotFound(
            f"The store has no transaction {name!r}; there are: {', '.join(sorted(ACTIONS))}"
        )
    transaction.reads = READS[name]
    try:
        return known(transaction, **parameters)
    except TypeError as error:
        raise FlowbookError(f"{name}: {error}") from error
