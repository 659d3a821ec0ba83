"""Rows of one table by column, as they are committed together and travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""Rows of one table by column: times in microseconds, JSON as text."""
Tables: TypeAlias = Mapping[str, Columns]


def length(columns: Columns) -> int:
    """How many rows there are."""
    return len(next(iter(columns.values())))


def joined(blocks: Iterable[tuple[str, Columns]]) -> dict[str, Columns]:
    """Blocks of rows, those of one table behind each other."""
    by_table: dict[str, list[Columns]] = {}
    for table, columns in blocks:
        by_table.setdefault(table, []).append(columns)
    return {
        table: several[0] if len(several) == 1 else _stacked(several)
        for table, several in by_table.items()
    }


def _stacked(several: Sequence[Columns]) -> Columns:
    stacked: dict[str, list[Any]] = {name: [] for columns in several for name in columns}
    for columns in several:
        missing = [None] * length(columns)
        for name, column in stacked.items():
            column.extend(columns.get(name, missing))
    return stacked
