"""What a run gives away under its graph: the first rows of its last table, the last figure of a notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowbook.errors import FlowbookError
from flowbook.kinds.dynamic import TABLE
from flowbook.storage.files import Storage
from flowbook.views.outputs import ROWS, Preview, table, to_open

LARGEST = 400_000
"""Bytes of base64 that a picture may have to be kept in a display."""


def previews(outputs: Sequence[Mapping[str, Any]], storage: Storage) -> tuple[Preview, ...]:
    """At most two, of the outputs of an execution in their order; what can't be read is left out."""
    tables = first(_tables(outputs, storage))
    figures = first(_figures(outputs, storage))
    return tuple(preview for preview in (tables, figures) if preview is not None)


def first(found: Iterator[Preview]) -> Preview | None:
    return next(found, None)


def _tables(outputs: Sequence[Mapping[str, Any]], storage: Storage) -> Iterator[Preview]:
    for row in reversed(outputs):
        for value in reversed(list((row["outputs"] or {}).values())):
            if isinstance(value, Mapping) and TABLE in value:
                try:
                    yield table(row["task_id"], _head(storage, value[TABLE]), value["rows"])
                except (OSError, FlowbookError, ValueError):
                    continue
            elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
                yield table(row["task_id"], value)


def _head(storage: Storage, uri: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(storage.path(uri)).iter_batches(ROWS):
        rows: list[dict[str, Any]] = batch.to_pylist()
        return rows
    return []


def _figures(outputs: Sequence[Mapping[str, Any]], storage: Storage) -> Iterator[Preview]:
    for row in reversed(outputs):
        uri = (row["outputs"] or {}).get("notebook")
        if not isinstance(uri, str) or not uri.endswith(".ipynb"):
            continue
        try:
            cells = json.loads(storage.read(uri, 50 * 2**20))["cells"]
        except (FlowbookError, ValueError, KeyError, OSError):
            continue
        code = [cell for cell in cells if cell.get("cell_type") == "code"]
        for number, image in _images(code):
            note = f"last figure, cell {number}"
            yield Preview(title=row["task_id"], note=note, image=image, path=to_open(uri))


def _images(cells: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    numbered = [cell for cell in cells if "injected-parameters" not in _tags(cell)]
    for index in range(len(numbered) - 1, -1, -1):
        for output in reversed(numbered[index].get("outputs", [])):
            data = output.get("data", {}).get("image/png")
            text = "".join(data) if isinstance(data, list) else data
            if isinstance(text, str) and len(text) <= LARGEST:
                yield index + 1, "data:image/png;base64," + text.replace("\n", "")


def _tags(cell: Mapping[str, Any]) -> Sequence[str]:
    tags: Sequence[str] = cell.get("metadata", {}).get("tags", [])
    return tags
