"""Table values in outputs: how they are stored, and how expressions and people see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowbook.expressions.values import TableValue
from flowbook.kinds.dynamic import TABLE, Json
from flowbook.storage.files import Storage

MARK = TABLE


def stored(uri: str, path: Path, *, as_list: bool) -> dict[str, Json]:
    """What stands in the outputs for a Parquet file."""
    import pyarrow.parquet as pq

    meta = pq.ParquetFile(path)
    columns = [{"name": f.name, "type": str(f.type)} for f in meta.schema_arrow]
    return {
        MARK: uri,
        "rows": meta.metadata.num_rows,
        "columns": columns,
        "bytes": path.stat().st_size,
        "asList": as_list,
    }


def is_table(value: object) -> bool:
    return isinstance(value, Mapping) and MARK in value


def opened(value: Mapping[str, Json], storage: Storage) -> TableValue:
    """The table behind its mark; rows are read when somebody looks."""
    uri = str(value[MARK])

    def load() -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(storage.path(uri)).to_pylist()
        return rows

    return TableValue(
        uri=uri,
        rows=value["rows"],
        columns=value["columns"],
        bytes=value["bytes"],
        load=load,
        as_list=value["asList"],
    )


class Seen(Mapping[str, Any]):
    """A stored map as expressions see it: marks are tables. Nothing is copied."""

    __slots__ = ("_storage", "_values")

    def __init__(self, values: Mapping[str, Any], storage: Storage) -> None:
        self._values = values
        self._storage = storage

    def __getitem__(self, name: str) -> Any:
        return seen(self._values[name], self._storage)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        return repr(dict(self))


def seen(value: Any, storage: Storage) -> Any:
    """A stored value as expressions see it."""
    if isinstance(value, Mapping):
        return opened(value, storage) if MARK in value else Seen(value, storage)
    return value
