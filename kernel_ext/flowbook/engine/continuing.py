"""Fix the failed cell and go on: parked kernels looked into, copies opened, continued, written back.

Theory of operation. The executed copy of an attempt is stored and never changes; people edit an opened
copy of it. Continuing compares the two: the edits travel in the `RestartRequested` event, so the new
attempt, wherever it runs, has the stored copy and the edits, and the history has both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.elected import Seat
from flowbook.errors import Conflict, NotFound, Unconfirmed
from flowbook.executions import events as e
from flowbook.executions import restarts
from flowbook.executions.model import Execution, TaskRun
from flowbook.kernels import continued, parked
from flowbook.kernels.continued import Edit
from flowbook.kernels.notebook import Document, load, write
from flowbook.kernels.parked import ParkedKernel
from flowbook.kernels.warm import Warm
from flowbook.kinds.state import State
from flowbook.kinds.task import Level

from . import opened

if TYPE_CHECKING:
    from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened copy, and the kernel to open it with."""

    task_run: str
    task: str
    path: Path
    kernel: ParkedKernel | None
    cell: int | None
    """The last cell to go on from: the one that failed. None for a notebook that didn't fail."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Edits written into a notebook's source."""

    path: Path
    edits: Sequence[Edit]
    diff: str


class Continuing:
    """What can be done about a notebook that failed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @property
    def warm(self) -> Warm:
        return Warm(Seat(self._workspace.place.runtime, "kernels"))

    async def kernel(self, execution_id: str, task: str | None = None) -> ParkedKernel:
        """The parked kernel of a task run. Raises `NotFound` that says what became of it."""
        execution = await self._execution(execution_id)
        if task is not None or not (run := await self._only_parked(execution)):
            run = self._notebook(execution, task)
        found = await parked.find(self.warm, run.id)
        if found is not None:
            return found
        why = await parked.why_gone(self.warm, run.id)
        raise NotFound(
            f"The kernel of '{run.task_id}' is gone: {why}"
            if why
            else f"Task '{run.task_id}' has no parked kernel: it is {run.state}"
        )

    async def _only_parked(self, execution: Execution) -> TaskRun | None:
        listed = await self.warm.listed() or {}
        found = [row["taskRun"] for row in listed.get("parked", ())]
        runs = [run for run in execution.in_order() if run.id in found]
        return runs[0] if len(runs) == 1 else None

    async def open(
        self, execution_id: str, task: str | None = None, root: Path | None = None
    ) -> Opened:
        """The copy of a notebook's latest attempt, made for editing below `root`. Raises `NotFound`, `Conflict`."""
        execution = await self._execution(execution_id)
        run = self._notebook(execution, task)
        kernel = await parked.find(self.warm, run.id)
        failed = run.state is State.FAILED
        if kernel is None and not failed:
            raise NotFound(
                f"Task '{run.task_id}' has no parked kernel and can't be continued: it is {run.state}"
            )
        stored = self._stored(run)
        path = await asyncio.to_thread(opened.made, self._workspace, execution, run, stored, root)
        ran = (await asyncio.to_thread(load, stored)).document
        cell = continued.first_not_done(ran) if failed else None
        return Opened(run.id, run.task_id, path, kernel, cell)

    async def restart(
        self,
        execution: Execution,
        cell: int,
        *,
        task: str | None = None,
        confirmed: bool = False,
    ) -> e.RestartRequested:
        """The event that goes on at a cell. Raises `Conflict`, `Unconfirmed`, `NotFound`."""
        run = self._notebook(execution, task)
        restarts.check_continue(execution, run)
        ran = (await asyncio.to_thread(load, self._stored(run))).document
        continued.position_of(ran, cell)
        last = continued.first_not_done(ran)
        if cell > last:
            raise Conflict(f"Cell {last} failed: go on from it, or from an earlier one")
        if not confirmed and (again := restarts.has_run_already(execution)):
            raise Unconfirmed(
                "Has run already, will be removed and may run again: "
                + ", ".join(f"{one.task_id} ({one.section})" for one in again),
                [one.task_id for one in again],
            )
        edits, others = await asyncio.to_thread(self._edits, run, ran)
        if others:
            said = "1 cell is" if others == 1 else f"{others} cells are"
            self._note(execution, run, f"{said} new in the opened copy and not run: scratch")
        return e.RestartRequested(
            at=self._workspace.clock.now(), task_run=run.id, continue_from=cell, edits=tuple(edits)
        )

    def _edits(self, run: TaskRun, ran: Document) -> tuple[list[Edit], int]:
        """What the opened copy (without edits there, the source now) says otherwise than the source did,
        and how many cells of the copy are nobody's."""
        before = run.attempts[-1].edits
        path = opened.known(self._workspace, run)
        copy = None if path is None else opened.read(path)
        if copy is not None and (edits := continued.edits_between(ran, copy, before)):
            return edits, continued.scratch(ran, copy)
        _, source = opened.source_of(self._workspace, ran)
        now = None if source is None else opened.read(source)
        others = 0 if copy is None else continued.scratch(ran, copy)
        return continued.edits_between(ran, continued.followed(ran, now, before), before), others

    async def edits(self, execution_id: str, task: str | None = None) -> list[Edit]:
        """What the latest attempt, or its opened copy, says otherwise than the notebook's source did."""
        execution = await self._execution(execution_id)
        run = self._notebook(execution, task)
        return await asyncio.to_thread(self._edits_now, run)

    def _edits_now(self, run: TaskRun) -> list[Edit]:
        path = opened.known(self._workspace, run)
        copy = None if path is None else opened.read(path)
        if copy is None:
            return list(run.attempts[-1].edits)
        return continued.edits_between(
            load(self._stored(run)).document, copy, run.attempts[-1].edits
        )

    async def edit(self, execution_id: str, task: str, cell: int, source: str) -> Path:
        """Write a cell of the opened copy, as one would in an editor."""
        found = await self.open(execution_id, task)
        document = (await asyncio.to_thread(load, found.path)).document
        execution = await self._execution(execution_id)
        ran = load(self._stored(self._notebook(execution, task))).document
        wanted = ran["cells"][continued.position_of(ran, cell)]["id"]
        edit = {"cell": cell, "id": wanted, "before": "", "after": source}
        if wanted not in [one["id"] for one in document["cells"]]:
            raise NotFound(f"{found.path} has no cell {cell} any more")
        await asyncio.to_thread(write, continued.edited(document, [edit]), found.path)
        return found.path

    async def apply(self, execution_id: str, task: str | None = None) -> Applied:
        """Write the edits into the notebook's source. Raises `Conflict` with both texts, `NotFound`."""
        execution = await self._execution(execution_id)
        run = self._notebook(execution, task)
        applied = await asyncio.to_thread(self._apply, run)
        cells = ", ".join(str(edit["cell"]) for edit in applied.edits)
        self._note(execution, run, f"Edits applied to {applied.path.name}: cell {cells}")
        return applied

    def _apply(self, run: TaskRun) -> Applied:
        edits = self._edits_now(run)
        if not edits:
            raise NotFound(f"Task '{run.task_id}' has no edits of its notebook")
        shown, path = opened.source_of(self._workspace, load(self._stored(run)).document)
        if path is None:
            raise Conflict(f"'{shown}' is no file of this workspace: nothing can be written to it")
        data = path.read_bytes()
        fresh = continued.written_back(data, edits, shown)
        if fresh != data:
            continued.replace_file(path, fresh)
        return Applied(path, edits, continued.diff(edits, shown))

    async def forget(self, ids: Sequence[str]) -> None:
        """Executions are gone: their parked kernels end, and nobody opens their copies any more."""
        parked_ones = (await self.warm.listed() or {}).get("parked", ())
        if gone := [row["id"] for row in parked_ones if row["execution"] in ids]:
            await self.warm.end_parked(gone)
        await asyncio.to_thread(opened.forget, self._workspace, frozenset(ids))

    def _note(self, execution: Execution, run: TaskRun, message: str) -> None:
        """A line in the execution's log."""
        self._workspace.records.add(
            {
                "table": "logs",
                "execution_id": execution.id,
                "task_run_id": run.id,
                "task_id": run.task_id,
                "attempt": len(run.attempts),
                "namespace": execution.flow.namespace,
                "flow_id": execution.flow.id,
                "ts": self._workspace.clock.now().isoformat(),
                "level": Level.INFO.value,
                "message": message,
            }
        )

    async def _execution(self, execution_id: str) -> Execution:
        return await self._workspace.control._seen(execution_id)

    def _notebook(self, execution: Execution, task: str | None) -> TaskRun:
        """The notebook meant: the one named, else the one that failed, else the one tried most often.

        Raises `Conflict`, `NotFound`.
        """
        from .control import find_run

        if task is not None:
            run = find_run(execution, task)
            if not _is_notebook(execution, run):
                raise Conflict(f"Task '{run.task_id}' can't be continued: it is no notebook")
            return run
        runs = [run for run in execution.in_order() if _is_notebook(execution, run)]
        failed = [run for run in runs if run.state is State.FAILED]
        if len(failed) > 1:
            names = ", ".join(run.task_id for run in failed)
            raise Conflict(f"Several notebooks failed: say which task, of {names}")
        if not runs:
            raise Conflict(f"Execution '{execution.id}' can't be continued: it ran no notebook")
        return max(failed or runs, key=lambda run: len(run.attempts))

    def _stored(self, run: TaskRun) -> Path:
        uri = (run.outputs or {}).get("notebook")
        path = self._workspace.storage.path(uri) if isinstance(uri, str) else None
        if path is None or not path.is_file():
            raise Conflict(f"Task '{run.task_id}' can't be continued: it left no executed copy")
        return path


def _is_notebook(execution: Execution, run: TaskRun) -> bool:
    from flowbook.plugin.jupyter.notebook import Notebook

    return isinstance(execution.task(run), Notebook)
