"""Which host may write about an execution: what the storekeeper refuses the stale by. Writer's thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from pydantic_core import from_json

from . import frames
from .project import Projection, Row
from .requests import Append

Owner: TypeAlias = tuple[str | None, int]
KEPT = 100_000
First: TypeAlias = Callable[..., tuple[Any, ...] | None]
"""The first row of a statement with these values."""


class Owners:
    """Host and epoch by execution, those asked for lately from memory."""

    def __init__(self, projection: Projection, first: First) -> None:
        self._projection = projection
        self._first = first
        self._known: dict[str, Owner] = {}

    def refusal(
        self, request: Append, taken: dict[str, Owner], standing: dict[int, list[Row]]
    ) -> str | None:
        """Why an append is refused; an execution nobody has owned yet becomes its writer's.

        `taken` are the owners that the same commit has given so far; what is given here is added to it, and
        its row to `standing`.
        """
        if request.owner is None:
            return None
        fresh: dict[str, tuple[str, int]] = {}
        last = {event[0]: index for index, event in enumerate(request.events)}
        for execution in last:
            present = taken.get(execution) or self._owner(execution)
            if present is None:
                fresh[execution] = request.owner
            elif present != request.owner:
                host = present[0] or "no host"
                return f"Execution {execution} belongs to {host} by now (epoch {present[1]})."
        for execution, (host, epoch) in fresh.items():
            taken[execution] = (host, epoch)
            values = {"execution_id": execution, "host": host, "epoch": epoch}
            standing.setdefault(last[execution], []).append(
                ("owners", frames.text([execution]), frames.text(values))
            )
        return None

    def learn(self, taken: Mapping[str, Owner]) -> None:
        """Owners whose rows are durable."""
        self._known.update(taken)

    def note(self, changes: Iterable[Row]) -> None:
        """Rows that a transaction has made durable."""
        for table, _, values in changes:
            if table == "owners" and values is not None:
                row = from_json(values)
                self._known[row["execution_id"]] = (row["host"], row["epoch"])

    def forget(self) -> None:
        """The table alone says who owns what."""
        self._known.clear()

    def _owner(self, execution: str) -> Owner | None:
        known = self._known.get(execution)
        if known is None:
            row = self._first("select host, epoch from owners where execution_id = ?", execution)
            if row is None:
                return None
            if len(self._known) > KEPT:
                self._projection.apply()
                self._known.clear()
            known = self._known[execution] = (row[0], row[1])
        return known
