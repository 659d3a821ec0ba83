"""Rows as a host sends and gets them: JSON by the fast encoder, records as columns.

Theory of operation. A change travels as the JSON text of its row, made once: the keeper puts the
same text into the event and hands it to DuckDB. Records are many and alike, so a run of rows of one
table travels as columns, times as microseconds: nobody on the way takes a row apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json

from . import frames
from .rows import RECORDS, Json

Kinds: TypeAlias = Mapping[str, str]
"""The columns of a table with their types, as DuckDB names them."""
Block: TypeAlias = tuple[str, dict[str, Sequence[Any]]]
"""Rows of one table of records, as columns."""


def text(value: object) -> str:
    """A value as JSON that DuckDB accepts: no NaN, no NUL, no lone surrogates."""
    try:
        made = to_json(value, inf_nan_mode="null", fallback=frames.plain)
    except ValueError:
        return frames.text(value)
    told = made.decode()
    if "\\" in told and "\\u0000" in told:  # one letter is found faster than six
        return frames.text(value)
    return told


def value(text: str) -> Any:
    """The inverse of `text`."""
    return from_json(text)


def blocks(rows: Sequence[Mapping[str, Any]], tables: Mapping[str, Kinds]) -> list[Block]:
    """Records in their order, a run of one table together. Raises: TypeError for what doesn't fit."""
    found: list[Block] = []
    for table, group in groupby(rows, key=itemgetter("table")):
        if table not in RECORDS:
            raise TypeError(f"{table!r} isn't a table of records")
        kinds = tables[table]
        run = list(group)
        names = set().union(*run) - {"table", "seq"}
        if unknown := names - kinds.keys():
            raise TypeError(f"{table} has no column {', '.join(sorted(unknown))}")
        columns: dict[str, Sequence[Any]] = {}
        for name in kinds:
            if name in names:
                turn = _TURNS[kinds[name]]
                try:
                    columns[name] = [turn(row.get(name)) for row in run]
                except (TypeError, ValueError, OverflowError) as error:
                    raise TypeError(f"{table}.{name}: {error}") from error
        if not columns:  # a row of nothing is a row
            columns[next(iter(kinds.keys() - {"seq"}))] = [None] * len(run)
        found.append((table, columns))
    return found


def rows_of(block: Block, tables: Mapping[str, Kinds]) -> Iterator[dict[str, Json]]:
    """The records of a block one by one."""
    table, columns = block
    kinds = tables[table]
    turned = []
    for name, column in columns.items():
        back = _BACK.get(kinds[name])
        turned.append(column if back is None else [back(one) for one in column])
    names = ("table", *columns)
    return (dict(zip(names, (table, *cells), strict=True)) for cells in zip(*turned, strict=True))


def _string(value: object) -> str | None:
    if type(value) is str and "\0" not in value:
        return value
    if value is None:
        return None
    return (str(value) if isinstance(value, str) else text(value)).replace(
        "\0", "\N{REPLACEMENT CHARACTER}"
    )


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    number = int(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{number} is out of range")
    return number


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _moment(value: str | datetime | None) -> int | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return frames.micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _json(value: object) -> str | None:
    return None if value is None else text(value)


def _iso(value: int | None) -> str | None:
    return None if value is None else frames.moment(value).isoformat()


def _parsed(text: str | None) -> Json:
    return None if text is None else value(text)


_TURNS: Mapping[str, Callable[[Any], Any]] = {
    "VARCHAR": _string,
    "INTEGER": _whole,
    "DOUBLE": _number,
    "TIMESTAMP WITH TIME ZONE": _moment,
    "JSON": _json,
}
_BACK: Mapping[str, Callable[[Any], Json]] = {
    "TIMESTAMP WITH TIME ZONE": _iso,
    "JSON": _parsed,
}
