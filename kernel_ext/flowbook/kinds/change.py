"""A row of a latest-state table that a step has moved: what the machine says and the store applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a latest-state table, whole, upserted by its primary key; `values` None deletes it."""

    table: str
    key: tuple[str | int, ...]
    values: Mapping[str, Any] | None
