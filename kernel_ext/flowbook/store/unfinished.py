"""Executions that haven't ended, by flow: who holds one of its places, and who has waited longest.

Theory of operation. A place is asked for and given back in each execution of a flow with a limit, so the
answer mustn't wait for the tables to be brought up to date, nor cost more the longer the line is. It is
read once from the tables and follows from the changes after that. A workspace without limits never
asks, and pays nothing. Writer's thread only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, TypeAlias

from pydantic_core import from_json

from .duckdb import Database
from .project import Projection, Row

READ = "select id, namespace, flow_id, state, histories from executions where ended_at is null"
WAITING = frozenset({"CREATED", "QUEUED"})

Turn: TypeAlias = tuple[str, str, str]
"""When an execution was queued, when it was created, its id."""


@dataclass(slots=True)
class Line:
    """The executions of one flow."""

    running: set[str] = field(default_factory=set)
    slots: set[str] = field(default_factory=set)
    queue: list[Turn] = field(default_factory=list)
    """A heap; those that aren't queued any more are dropped when their turn comes."""


class Unfinished:
    """What `admit` and `admit_queued` ask."""

    def __init__(self, database: Database, projection: Projection) -> None:
        self._database = database
        self._projection = projection
        self._lines: dict[str, Line] | None = None
        self._states: dict[str, tuple[str, str]] = {}
        """Flow and state of each execution."""
        self._turns: dict[str, Turn] = {}
        """Of those that are queued; a place in a heap that isn't this one is an old one."""

    def holders(self, flow: str) -> set[str]:
        """Executions that count against a flow's limit: those that run, and those let in just now."""
        line = self._line(flow)
        let_in = {id for id in line.slots if self._states.get(id, ("",))[0] == flow}
        return line.running | let_in

    def has_slot(self, flow: str, execution_id: str) -> bool:
        return execution_id in self._line(flow).slots

    def waiting(self, flow: str, limit: int | None) -> list[str]:
        """The ids of those that have waited longest for a slot and have none yet."""
        line = self._line(flow)
        queued: list[Turn] = []
        found: list[str] = []
        while line.queue and (limit is None or len(found) < limit):
            turn = heappop(line.queue)
            if self._turns.get(turn[-1]) == turn:
                queued.append(turn)
                if turn[-1] not in line.slots:
                    found.append(turn[-1])
        for turn in queued:  # who is let in is told by the changes to come
            heappush(line.queue, turn)
        return found

    def note(self, changes: Iterable[Row]) -> None:
        """Take changes that were made durable, in their order."""
        if self._lines is None:
            return
        for table, key, values in changes:
            if table == "executions":
                self._moved(json.loads(key)[0], None if values is None else from_json(values))
            elif table == "slots":
                flow, execution_id = json.loads(key)
                slots = self._line(flow).slots
                slots.discard(execution_id) if values is None else slots.add(execution_id)

    def forget(self) -> None:
        """The tables were changed by other means: they are read again when somebody asks."""
        self._lines = None
        self._states.clear()
        self._turns.clear()

    def _line(self, flow: str) -> Line:
        if self._lines is None:
            self._read()
        assert self._lines is not None
        return self._lines.setdefault(flow, Line())

    def _read(self) -> None:
        self._projection.apply(frozenset({"executions", "slots"}))
        self._lines = {}
        cursor = self._database.cursor()
        for flow, id in cursor.execute("select name, execution_id from slots").fetchall():
            self._line(flow).slots.add(id)
        for id, namespace, flow_id, state, histories in cursor.execute(READ).fetchall():
            self._put(id, f"{namespace}.{flow_id}", state, from_json(histories))

    def _moved(self, id: str, row: dict[str, Any] | None) -> None:
        flow, state = self._states.pop(id, ("", ""))
        if state and state not in WAITING:
            self._line(flow).running.discard(id)
        if row is None or row["ended_at"] is not None:
            self._turns.pop(id, None)
        else:
            self._put(id, f"{row['namespace']}.{row['flow_id']}", row["state"], row["histories"])

    def _put(self, id: str, flow: str, state: str, histories: list[dict[str, str]]) -> None:
        self._states[id] = flow, state
        line = self._line(flow)
        if state not in WAITING:
            line.running.add(id)
        if state != "QUEUED":
            self._turns.pop(id, None)
            return
        turn = histories[-1]["date"], histories[0]["date"], id
        if self._turns.get(id) != turn:
            self._turns[id] = turn
            heappush(line.queue, turn)
