"""What travels: changes and records on their way to the storekeeper, what is new on its way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from flowbook.kinds.change import Change

from . import encode, frames
from .rows import Batch, EventRow, Owner

Prepared: TypeAlias = tuple[
    list[tuple[str, int, str, str]],
    list[tuple[str, str, str | None]],
    tuple[str, int] | None,
    list[int] | None,
]
"""An append as it travels: events, changes, owner, and on which event each change stands."""


class Packing:
    """The tables, as the storekeeper has described them."""

    def __init__(self, tables: Mapping[str, tuple[Sequence[str], encode.Kinds]]) -> None:
        self._keys = {name: tuple(key) for name, (key, _) in tables.items()}
        self._inside = {name: frozenset(key) for name, key in self._keys.items()}
        self._kinds = {name: kinds for name, (_, kinds) in tables.items()}
        self._columns = {name: frozenset(kinds) for name, kinds in self._kinds.items()}

    def append(
        self, events: Sequence[EventRow], changes: Sequence[Change], owner: Owner | None
    ) -> Prepared:
        """An append as it will travel. Raises `TypeError` for a change of no table."""
        told = [
            (event.execution_id, frames.micros(event.ts), event.kind, encode.text(event.payload))
            for event in events
        ]
        held = None if owner is None else (owner.host, owner.epoch)
        return told, [self._change(change) for change in changes], held, _spots(events, changes)

    def records(self, rows: Sequence[Mapping[str, Any]]) -> list[encode.Block]:
        """Logs, metrics or cells. Raises `TypeError` for what doesn't fit."""
        return encode.blocks(rows, self._kinds)

    def batch(self, packed: bytes) -> Batch:
        """What a follower is told."""
        seq, events, changes, blocks = frames.unpack(packed)
        return Batch(
            seq,
            tuple(
                {
                    "seq": number,
                    "execution_id": execution,
                    "ts": frames.moment(ts),
                    "kind": kind,
                    "payload": encode.value(payload),
                }
                for number, execution, ts, kind, payload in events
            ),
            tuple(
                Change(table, tuple(encode.value(key)), None if row is None else encode.value(row))
                for table, key, row in changes
            ),
            tuple(row for block in blocks for row in encode.rows_of(block, self._kinds)),
        )

    def _change(self, change: Change) -> tuple[str, str, str | None]:
        table, key, values = change.table, change.key, change.values
        try:
            names, columns = self._keys[table], self._columns[table]
        except KeyError:
            raise TypeError(f"The history has no table {table!r}") from None
        if len(names) != len(key):
            raise TypeError(f"{table} has the key {names}, not {key}")
        if values is None:
            return table, encode.text(key), None
        if not columns.issuperset(values):
            unknown = ", ".join(sorted(values.keys() - columns))
            raise TypeError(f"{table} has no column {unknown}")
        if not self._inside[table] <= values.keys():
            values = {**values, **dict(zip(names, key, strict=True))}
        return table, encode.text(key), encode.text(values)


def _spots(events: Sequence[EventRow], changes: Sequence[Change]) -> list[int] | None:
    """On which event each change stands: the last one of its own execution, else the last of all."""
    last = {event.execution_id: index for index, event in enumerate(events)}
    if len(last) < 2:
        return None
    spots = []
    for change in changes:
        of_key = change.table in ("executions", "owners")
        execution = change.key[0] if of_key else (change.values or {}).get("execution_id")
        spots.append(last.get(str(execution), len(events) - 1))
    return spots
