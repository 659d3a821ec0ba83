"""Which host may write about an execution: what the storekeeper refuses the stale by. Writer's thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from pydantic_core import from_json

from . import frames
from .project import Projection, Row
from .requests import Append

Owner: TypeAlias = tuple[str | None, int]
OWNERS = frozenset({"owners"})
KEPT = 100_000
READ = 20_000
"""So many are read at once; of a longer history each is asked for."""
First: TypeAlias = Callable[..., tuple[Any, ...] | None]
"""The first row of a statement with these values."""


class Owners:
    """Host and epoch by execution, from memory: all of a history that isn't long, else those asked for."""

    def __init__(self, cursor: Any, projection: Projection, first: First) -> None:
        self._cursor = cursor
        self._projection = projection
        self._first = first
        self._known: dict[str, Owner] = {}
        self._all: bool | None = None
        """Whether an execution that isn't known has no owner; None before the table was read."""

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
        self._forget_old()

    def note(self, changes: Iterable[Row]) -> None:
        """Rows that a transaction has made durable."""
        for table, _, values in changes:
            if table == "owners" and values is not None:
                row = from_json(values)
                self._known[row["execution_id"]] = (row["host"], row["epoch"])

    def forget(self) -> None:
        """The table alone says who owns what."""
        self._known.clear()
        self._all = None

    def _owner(self, execution: str) -> Owner | None:
        if self._all is None:
            self._read()
        known = self._known.get(execution)
        if known is None and not self._all:
            row = self._first("select host, epoch from owners where execution_id = ?", execution)
            if row is None:
                return None
            known = self._known[execution] = (row[0], row[1])
        return known

    def _read(self) -> None:
        self._projection.apply(OWNERS)
        found = self._cursor.execute(
            f"select execution_id, host, epoch from owners limit {READ + 1}"
        ).fetchall()
        self._all = len(found) <= READ
        if self._all:
            self._known.update({id: (host, epoch) for id, host, epoch in found})

    def _forget_old(self) -> None:
        if len(self._known) > KEPT:
            self._projection.apply(OWNERS)
            self._known.clear()
            self._all = False
