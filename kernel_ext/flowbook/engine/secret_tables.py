"""Tables with a secret in them: kept closed in the outputs, never as a file."""

from __future__ import annotations

from pathlib import Path

from flowbook.errors import TaskFailed
from flowbook.kinds.dynamic import Json

from .closing import Closing
from .rendering import plain

LARGEST = 4 * 2**20
"""Bytes of Parquet that such a table may have."""
BATCH = 5000


def secret_rows(path: Path, closing: Closing) -> list[Json] | None:
    """The rows of a Parquet file if a secret is in them. Raises `TaskFailed` if they are too many."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if not any(closing.holds(plain(each.to_pylist())) for each in file.iter_batches(BATCH)):
            return None
    if path.stat().st_size > LARGEST:
        raise TaskFailed(
            f"A table of {path.stat().st_size:,} bytes holds a secret. Such a table is kept encrypted in the "
            f"outputs, up to {LARGEST:,} bytes: leave the column out or hand on fewer rows."
        )
    return [plain(row) for row in pq.read_table(path).to_pylist()]
