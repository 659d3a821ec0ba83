"""How long what runs will take, by what took how long before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from flowbook.store.client import Store

Row: TypeAlias = Mapping[str, Any]
ENOUGH = 3
"""Earlier runs without which nothing is said."""
KEPT = 64
"""Executions whose estimates are remembered while they run."""


class Usual:
    """What tasks and cells of a flow usually take, asked of the history once an execution."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[dict[str, float], dict[tuple[str, str], float]]] = {}

    async def of(
        self,
        execution_id: str,
        namespace: str,
        flow_id: str,
        task_runs: Iterable[Row],
        cells: Sequence[Row],
        now: datetime,
    ) -> dict[str, float]:
        """Seconds by task id; of a notebook that runs, by the cells it has left."""
        if execution_id not in self._known:
            while len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[execution_id] = await self._asked(namespace, flow_id)
        tasks, usual = self._known[execution_id]
        found = dict(tasks)
        for run in task_runs:
            if run["state"] == "RUNNING" and run.get("started_at"):
                own = [cell for cell in cells if cell["task_run_id"] == run["id"]]
                if own and (seconds := by_cells(run, own, usual, now)) is not None:
                    found[run["task_id"]] = seconds
        return found

    async def _asked(
        self, namespace: str, flow_id: str
    ) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
        names = {"namespace": namespace, "flow_id": flow_id}
        tasks = await self._store.query("task_durations", **names)
        cells = await self._store.query("cell_durations", **names)
        return (
            {row["task_id"]: float(row["seconds"]) for row in tasks if row["runs"] >= ENOUGH},
            {
                (row["task_id"], row["cell_id"]): float(row["seconds"])
                for row in cells
                if row["runs"] >= ENOUGH
            },
        )


def by_cells(
    run: Row, cells: Sequence[Row], usual: Mapping[tuple[str, str], float], now: datetime
) -> float | None:
    """How long a notebook takes in all: what has passed, and what its cells left usually take.

    None when a cell that is left is new, so that nobody knows.
    """
    last = max(cell.get("attempt") or 0 for cell in cells)
    left = 0.0
    for cell in cells:
        if cell.get("attempt", last) != last or cell["state"] not in ("WAITING", "RUNNING"):
            continue
        seconds = usual.get((run["task_id"], cell["cell_id"]))
        if seconds is None:
            return None
        if cell["state"] == "RUNNING" and cell.get("started_at"):
            seconds = max(seconds - (now - _moment(cell["started_at"])).total_seconds(), 0.0)
        left += seconds
    return (now - _moment(run["started_at"])).total_seconds() + left


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
