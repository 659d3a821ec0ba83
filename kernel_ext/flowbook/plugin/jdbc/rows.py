"""Rows of a query as what a task hands back: JSON, a table value, a file of lines, or nothing."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flowbook.kinds.context import Context
from flowbook.kinds.durations import iso
from flowbook.kinds.dynamic import Json
from flowbook.plugin.spelling import AnyCase

TABLE_ROWS = 100
TABLE_BYTES = 64 * 1024


class FetchType(AnyCase):
    """What happens to the rows of a query."""

    FETCH = "FETCH"
    FETCH_ONE = "FETCH_ONE"
    STORE = "STORE"
    NONE = "NONE"


@dataclass(kw_only=True)
class Fetched:
    """What a query gave, still on this machine."""

    size: int = 0
    row: Mapping[str, Json] | None = None
    rows: list[dict[str, Json]] | None = None
    table: Path | None = None
    """Parquet, instead of `rows` when there are many."""
    lines: Path | None = None
    """JSON lines, when they are stored."""
    changed: int | None = None
    """Rows that a statement changed."""


def fetched(batches: Iterable[Any], wanted: frozenset[FetchType], folder: Path) -> Fetched:
    """Take the rows of Arrow record batches as they are wanted; blocks, and keeps one batch in memory."""
    result = Fetched()
    table = _Table(folder / "rows.parquet") if FetchType.FETCH in wanted else None
    file = (folder / "rows.jsonl").open("w") if FetchType.STORE in wanted else None
    try:
        for batch in batches:
            if FetchType.FETCH_ONE in wanted and result.row is None and batch.num_rows:
                result.row = json_rows(batch.slice(0, 1))[0]
            if table:
                table.add(batch)
            if file:
                file.writelines(
                    json.dumps(row, ensure_ascii=False) + "\n" for row in json_rows(batch)
                )
            result.size += batch.num_rows
    finally:
        if file:
            file.close()
            result.lines = Path(file.name)
    if table:
        result.rows, result.table = table.close()
    return result


async def outputs_of(
    context: Context, result: Fetched, wanted: frozenset[FetchType]
) -> dict[str, Json]:
    """The task's outputs; tables and files are stored."""
    outputs: dict[str, Json] = {"size": result.size}
    outputs["rowCount"] = result.size if result.changed is None else result.changed
    if FetchType.FETCH in wanted:
        outputs["rows"] = result.rows
        if result.table:
            outputs["rows"] = await context.put_table(result.table, "rows", as_list=True)
    if FetchType.FETCH_ONE in wanted:
        outputs["row"] = result.row
    if result.lines:
        outputs["uri"] = await context.put(result.lines, "rows.jsonl")
    return outputs


def json_rows(batch: Any) -> list[dict[str, Json]]:
    """The rows of an Arrow batch as JSON maps."""
    return [
        {name: json_value(value) for name, value in row.items()}
        for row in _microseconds(batch).to_pylist()
    ]


def json_value(value: Any) -> Json:
    """A value of a database as JSON: dates as ISO text, decimals as numbers, bytes as base 64."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            if not value.is_finite():
                return None
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return iso(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case Mapping():
            return {str(key): json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
        case _:
            return str(value)


class _Table:
    """Rows as a list while they are few, as a Parquet file from then on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._few: list[Any] = []
        self._rows = 0
        self._bytes = 0
        self._write: Callable[[Any], None] | None = None
        self._close: Callable[[], None] = lambda: None

    def add(self, batch: Any) -> None:
        batch = _microseconds(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._write is None:
            self._few.append(batch)
            if self._rows >= TABLE_ROWS or self._bytes >= TABLE_BYTES:
                self._open(batch.schema)
        else:
            self._write(batch)

    def close(self) -> tuple[list[dict[str, Json]] | None, Path | None]:
        self._close()
        if self._write is not None:
            return None, self._path
        return list(_all_rows(self._few)), None

    def _open(self, schema: Any) -> None:
        from pyarrow import parquet

        writer = parquet.ParquetWriter(self._path, schema, compression="zstd")
        self._write, self._close = writer.write_batch, writer.close
        for batch in self._few:
            writer.write_batch(batch)
        self._few.clear()


def _all_rows(batches: Iterable[Any]) -> Iterator[dict[str, Json]]:
    for batch in batches:
        yield from json_rows(batch)


def _microseconds(batch: Any) -> Any:
    """Nanoseconds would need pandas to become Python's dates."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    schema = pa.schema(fields)
    return batch if schema == batch.schema else batch.cast(schema, safe=False)
