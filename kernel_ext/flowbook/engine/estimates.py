"""How long what runs will take, by what took how long before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from flowbook.store.client import Store

Row: TypeAlias = Mapping[str, Any]
ENOUGH = 3
"""Earlier runs without which nothing is said."""
KEPT = 64
"""Executions whose estimates are remembered while they run."""


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier runs of a flow took, in seconds; what too few of them tell is left out."""

    whole: float | None
    tasks: Mapping[str, float]
    rest: Mapping[str, float]
    """How long the execution goes on when a task has ended."""
    cells: Mapping[tuple[str, str], float]


class Usual:
    """What a flow, its tasks and their cells usually take, asked of the history once an execution."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Before] = {}

    async def of(
        self, execution: Row, task_runs: Iterable[Row], cells: Sequence[Row], now: datetime
    ) -> dict[str, float]:
        """Seconds by task id, and under `""` for the execution; of a notebook that runs, by the cells it has left."""
        if execution["id"] not in self._known:
            while len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            asked = await self._asked(execution["namespace"], execution["flow_id"])
            self._known[execution["id"]] = asked
        before = self._known[execution["id"]]
        running = [run for run in task_runs if run["state"] == "RUNNING" and run.get("started_at")]
        found = dict(before.tasks)
        for run in running:
            own = [cell for cell in cells if cell["task_run_id"] == run["id"]]
            if own and (seconds := by_cells(run, own, before.cells, now)) is not None:
                found[run["task_id"]] = seconds
        if (seconds := whole(execution, running, found, before, now)) is not None:
            found[""] = seconds
        return found

    async def _asked(self, namespace: str, flow_id: str) -> Before:
        names = {"namespace": namespace, "flow_id": flow_id}
        executions = await self._store.query("execution_durations", **names)
        tasks = _enough(await self._store.query("task_durations", **names))
        cells = _enough(await self._store.query("cell_durations", **names))
        return Before(
            whole=next((float(row["seconds"]) for row in _enough(executions)), None),
            tasks={row["task_id"]: float(row["seconds"]) for row in tasks},
            rest={row["task_id"]: float(row["rest"]) for row in tasks if row["rest"] is not None},
            cells={(row["task_id"], row["cell_id"]): float(row["seconds"]) for row in cells},
        )


def _enough(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["runs"] >= ENOUGH]


def whole(
    execution: Row,
    running: Iterable[Row],
    tasks: Mapping[str, float],
    before: Before,
    now: datetime,
) -> float | None:
    """How long an execution takes in all: until the last of what runs has ended, and what usually follows that.

    As long as before when that isn't known of any task that runs; None when nobody knows.
    """
    if not execution.get("started_at"):
        return before.whole
    began = _moment(execution["started_at"])
    ends = []
    for run in running:
        seconds, rest = tasks.get(run["task_id"]), before.rest.get(run["task_id"])
        if seconds is not None and rest is not None:
            since = _moment(run["started_at"])
            spent = (now - since).total_seconds()
            ends.append((since - began).total_seconds() + max(seconds, spent) + rest)
    return max(ends, default=before.whole)


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
