"""Reading: executions as rows, views and waits, wherever they are driven."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, NotFound
from flowbook.executions import changes as rows_of
from flowbook.flows.topology import topology
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State

from .closing import shown_row
from .estimates import Usual
from .successors import successor_id

if TYPE_CHECKING:
    from flowbook.views.progress import Progress
    from flowbook.views.run import RunView

    from .drive import Driver
    from .workspace import Workspace

Row = Mapping[str, Any]
FRESH = 1.0
"""Seconds that an ended execution is read from memory; after that another host may have gone on with it."""


class History:
    """What the workspace knows of executions; those driven here are read from memory."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._usual = Usual(workspace.store)
        self._looked_at: dict[str, Any] = {}
        self._just_ended: dict[str, tuple[Driver, float]] = {}

    def remember(self, driver: Driver) -> None:
        """Keep an execution that has just ended readable: its last display comes right now."""
        while len(self._just_ended) >= 8:
            self._just_ended.pop(next(iter(self._just_ended)))
        self._just_ended[driver.execution.id] = (driver, time.monotonic())

    def forget(self, execution_id: str) -> None:
        """What is remembered of an execution that has been deleted."""
        self._just_ended.pop(execution_id, None)
        self._looked_at.pop(execution_id, None)

    def _readable(self, execution_id: str) -> Driver | None:
        """The driver to read from: of an execution that is driven here, or was a moment ago."""
        if (driver := self._workspace.drivers.get(execution_id)) is not None:
            return driver
        ended = self._just_ended.get(execution_id)
        if ended is None or time.monotonic() - ended[1] > FRESH or not ended[0].execution.is_over:
            return None
        return ended[0]

    async def row(self, execution_id: str, driver: Driver | None = None) -> dict[str, Any]:
        """An execution's row. Raises `NotFound`."""
        return shown_row("executions", await self._closed_row(execution_id, driver))

    async def _closed_row(self, execution_id: str, driver: Driver | None = None) -> dict[str, Any]:
        """The same as the history keeps it."""
        driver = driver or self._workspace.drivers.get(execution_id)
        if driver is not None:
            change = rows_of.execution_row(driver.execution)
            return driver.closing.row(change.table, change.values) or {}
        rows = await self._workspace.store.query("execution_row", id=execution_id)
        if not rows:
            raise NotFound(f"There is no execution '{execution_id}'")
        return rows[0]

    async def find(self, id_or_prefix: str) -> str:
        """The id of an execution from its beginning (at least 4 letters). Raises `NotFound`."""
        if id_or_prefix in self._workspace.drivers:
            return id_or_prefix
        rows = await self._workspace.store.query("executions_list", q=id_or_prefix, limit=50)
        ids = [row["id"] for row in rows if row["id"].startswith(id_or_prefix)]
        if id_or_prefix in ids:
            return id_or_prefix
        if len(ids) == 1 and len(id_or_prefix) >= 4:
            return str(ids[0])
        if len(ids) > 1:
            raise NotFound(
                f"'{id_or_prefix}' is the beginning of {len(ids)} executions: give more of it"
            )
        raise NotFound(f"There is no execution '{id_or_prefix}'")

    async def executions(
        self,
        *,
        namespace: str | None = None,
        flow_id: str | None = None,
        states: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        q: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """Executions, newest first."""
        import json

        wanted = [{"key": k, "value": v} for k, v in (labels or {}).items()]
        rows = await self._workspace.store.query(
            "executions_list",
            namespace=namespace,
            flow_id=flow_id,
            states=None if states is None else list(states),
            labels=json.dumps(wanted) if wanted else None,
            since=since,
            until=until,
            q=q,
            limit=limit,
            offset=offset,
        )
        return [shown_row("executions", row) for row in rows]

    async def task_runs(
        self, execution_id: str, driver: Driver | None = None
    ) -> list[dict[str, Any]]:
        """Task runs in the order of their creation."""
        driver = driver or self._workspace.drivers.get(execution_id)
        if driver is not None:
            return _live_runs(driver)
        return await self._workspace.store.query("task_runs_of", execution_id=execution_id)

    async def outputs(
        self, execution_id: str, driver: Driver | None = None
    ) -> list[dict[str, Any]]:
        """Outputs of the task runs, as people see them."""
        rows = await self.closed_outputs(execution_id, driver)
        return [shown_row("outputs", row) for row in rows]

    async def closed_outputs(
        self, execution_id: str, driver: Driver | None = None
    ) -> list[dict[str, Any]]:
        """The same as the history keeps them."""
        driver = driver or self._workspace.drivers.get(execution_id)
        if driver is not None:
            return [
                driver.closing.row("outputs", rows_of.outputs_row(driver.execution, run).values)
                or {}
                for run in driver.execution.in_order()
                if run.outputs is not None
            ]
        return await self._workspace.store.query("outputs_of", execution_id=execution_id)

    async def attempts(self, execution_id: str) -> list[dict[str, Any]]:
        return await self._workspace.store.query("attempts_of", execution_id=execution_id)

    async def cells(self, execution_id: str, driver: Driver | None = None) -> list[dict[str, Any]]:
        driver = driver or self._workspace.drivers.get(execution_id)
        if driver is not None and driver.execution.events and driver.owner.epoch == 1:
            return [dict(row) for row in driver.cells.values()]
        await self._workspace.records.durable()
        return await self._workspace.store.query("cells_of", execution_id=execution_id)

    async def logs(
        self,
        execution_id: str,
        *,
        level: str | None = None,
        task: str | None = None,
        after: int | None = None,
    ) -> list[dict[str, Any]]:
        """Log lines in order, from a level up, of a task, behind a `seq`."""
        await self._workspace.records.durable()
        return await self._workspace.store.query(
            "logs_of", execution_id=execution_id, level=level, task=task, after_seq=after
        )

    async def view(self, execution_id: str, *, variable: str = "") -> RunView:
        """An execution as it is shown. Raises `NotFound`."""
        from flowbook.views.run import run_view

        driver = self._readable(execution_id)
        row = await self.row(execution_id, driver)
        if driver is not None:
            flow = driver.execution.flow
        else:
            flow, _ = await self._workspace.flows.load(
                row["namespace"], row["flow_id"], row["flow_revision"]
            )
        state = State(row["state"])
        over = state.is_terminal
        outputs = await self.outputs(execution_id, driver)
        task_runs, cells = (
            await self.task_runs(execution_id, driver),
            await self.cells(execution_id, driver),
        )
        now = self._workspace.clock.now()
        usual = None
        if not over:
            usual = await self._usual.of(row, task_runs, cells, now)
        return run_view(
            row,
            topology(flow),
            task_runs,
            cells,
            outputs,
            previews=await self._previews(execution_id, outputs) if over else None,
            now=now,
            estimates=usual,
            variable=variable,
            logs=await self.logs(execution_id, level="WARN") if state is State.FAILED else (),
        )

    async def progress(self, execution_id: str) -> Progress | None:
        """How far an execution is; None when it has ended, or its flow can't be read any more."""
        from flowbook.views.progress import progress

        try:
            if State((await self.row(execution_id))["state"]).is_terminal:
                return None
            return progress(await self.view(execution_id))
        except FlowbookError:
            return None

    async def _previews(self, execution_id: str, outputs: list[dict[str, Any]]) -> Any:
        """The first rows and the last figure of an ended execution, read once."""
        if execution_id not in self._looked_at:
            from .previews import previews

            while len(self._looked_at) >= 50:
                self._looked_at.pop(next(iter(self._looked_at)))
            self._looked_at[execution_id] = await asyncio.to_thread(
                previews, outputs, self._workspace.storage
            )
        return self._looked_at[execution_id]

    async def ended(self, execution_id: str) -> None:
        """Return when an execution has its end state; of one that was RETRIED, the one in its place."""
        driver = self._workspace.drivers.get(execution_id)
        if driver is not None:
            await driver.ended.wait()
        else:
            await self._until(execution_id, lambda row: State(row["state"]).is_terminal)
        if (later := await self.successor(execution_id)) is not None:
            await self.ended(later)

    async def successor(self, execution_id: str) -> str | None:
        """The id of the execution in the place of one that was RETRIED."""
        row = await self.row(execution_id)
        if State(row["state"]) is not State.RETRIED:
            return None
        later = successor_id(execution_id, row["attempt_number"])
        try:
            await self.row(later)
        except NotFound:  # deleted since
            return None
        return later

    async def last(self, execution_id: str) -> str:
        """The id of the last of the executions that took each other's place; mostly the same."""
        while (later := await self.successor(execution_id)) is not None:
            execution_id = later
        return execution_id

    async def final(self, execution_id: str) -> dict[str, Any]:
        """The row of the last of them, from memory if it ended here a moment ago."""
        if (driver := self._readable(execution_id)) is not None:
            row = await self.row(execution_id, driver)
            if State(row["state"]) is not State.RETRIED:
                return row
        return await self.row(await self.last(execution_id))

    async def outcome(self, execution_id: str) -> tuple[str, State, dict[str, Json] | None]:
        """Id, end state and (closed) outputs of an execution that has ended, or of the one in its place."""
        execution_id = await self.last(execution_id)
        row = await self._closed_row(execution_id)
        return execution_id, State(row["state"]), row["outputs"]

    async def until_over(self, execution_id: str) -> None:
        """Wait for an execution that another host drives."""
        await self._until(execution_id, lambda row: State(row["state"]).is_terminal)

    async def _until(self, execution_id: str, holds: Any) -> None:
        follower = self._workspace.store.follow(executions=[execution_id])
        try:
            with self._workspace.adoption.waiting(execution_id):
                while not holds(await self.row(execution_id)):
                    async for _ in follower:
                        break
        finally:
            await follower.aclose()

    async def changes(self, execution_id: str) -> AsyncIterator[None]:
        """Yields at once, and whenever something has changed, until nothing is left to run."""
        driver = self._workspace.drivers.get(execution_id)
        if driver is not None:
            watcher = driver.watch()
            try:
                while not driver.over.is_set():
                    watcher.clear()
                    yield
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await watcher.wait()
            finally:
                driver.unwatch(watcher)
            return
        follower = self._workspace.store.follow(executions=[execution_id])
        try:
            with self._workspace.adoption.waiting(execution_id):
                while not State((await self.row(execution_id))["state"]).is_terminal:
                    yield
                    async for _ in follower:
                        break
        finally:
            await follower.aclose()


def _live_runs(driver: Driver) -> list[dict[str, Any]]:
    found = []
    for run in driver.execution.in_order():
        change = rows_of.task_run_row(driver.execution, run)
        values = driver.closing.row(change.table, change.values) or {}
        values["progress"] = driver.progress.get(run.id) or values["progress"]
        found.append(values)
    return found
