"""Executions that task runs start, watch and hear of when they end."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, FlowbookError, NotFound
from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions.model import TaskRun
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import ExecutableTask, Level, NewExecution, Task

from . import rendering
from .drive import Driver
from .flows import refuse_unrunnable

if TYPE_CHECKING:
    from .workspace import Workspace

OUTPUTS = "outputs.jsonl"
"""The file of a child's outputs, in a folder named after the child's number."""
DEPTH = 50
"""Subflows below each other, at most."""


class Subflows:
    """Starts and watches the children of executions that are driven here."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def start(self, driver: Driver, command: c.StartExecution) -> None:
        """Start an execution that a task run wants, and watch it if it is waited for."""
        run = driver.execution.task_runs[command.task_run]
        clock = self._workspace.clock
        try:
            with clock.working():
                child_id = await self._again(command) or await self._new(driver, run.id, command)
        except (FlowbookError, ValueError) as error:
            failed = {"type": type(error).__name__, "message": str(error)}
            driver.note(run.id, Level.ERROR, str(error))
            value = command.new.value
            driver.post(e.ChildRefused(at=clock.now(), task_run=run.id, error=failed, value=value))
            return
        driver.post(
            e.ChildStarted(
                at=clock.now(),
                task_run=run.id,
                execution_id=child_id,
                value=command.new.value,
            )
        )
        await self.watch(driver, run.id, child_id, command.new.value)

    async def _again(self, command: c.StartExecution) -> str | None:
        """Restart the child that failed, if that is wanted and can be."""
        if command.again is None:
            return None
        with contextlib.suppress(Conflict, NotFound):
            return await self._workspace.restart(command.again)
        return None

    async def _new(self, driver: Driver, run_id: str, command: c.StartExecution) -> str:
        workspace, parent, new = self._workspace, driver.execution, command.new
        attempt = len(parent.task_runs[run_id].attempts)
        name = f"{run_id}/{attempt}/{command.index}"
        child_id = hashlib.blake2b(name.encode(), digest_size=11).hexdigest()
        if child_id in workspace.drivers or await workspace.store.query(
            "execution_row", id=child_id
        ):
            return child_id  # started before the host that asked for it was lost
        flow, row = await workspace.flows.load(new.namespace, new.flow_id, new.revision)
        if row["disabled"] or flow.disabled:
            raise Conflict("Cannot execute a flow which is disabled")
        refuse_unrunnable(flow)
        depth = int((parent.trigger or {}).get("depth", 0)) + 1
        if depth > DEPTH:
            raise Conflict(
                f"More than {DEPTH} subflows below each other: '{flow.uid}' isn't started"
            )
        task = parent.task(parent.task_runs[run_id])
        trigger = {
            "id": task.id,
            "type": task.type,
            "depth": depth,
            "variables": {
                "executionId": parent.id,
                "namespace": parent.flow.namespace,
                "flowId": parent.flow.id,
                "flowRevision": parent.revision,
                **_iteration(parent.task_runs[run_id], task, command.index),
            },
        }
        inherited = [
            pair for pair in parent.labels if new.inherit_labels or pair[0].startswith("system.")
        ]
        own = [(str(label["key"]), str(label["value"])) for label in new.labels]
        return await workspace.start(
            flow,
            int(row["revision"]),
            inputs=new.inputs,
            labels=own,
            trigger=trigger,
            parent_labels=inherited,
            execution_id=child_id,
            schedule_date=_moment(new),
            secrets=driver.closing.values,
        )

    async def watch(
        self, driver: Driver, run_id: str, child_id: str, value: str | None = None
    ) -> None:
        """Tell a driver when an execution that its task run started has ended."""
        workspace = self._workspace
        await workspace.history.ended(child_id)
        with workspace.clock.working():
            last_id, state, stored = await workspace.history.outcome(child_id)
            declared = None if stored is None else driver.closing.open(stored)
            outputs: Mapping[str, Json] | None = declared
            error: Mapping[str, Json] | None = None
            task = driver.execution.task(driver.execution.task_runs[run_id])
            if outputs is None and isinstance(task, ExecutableTask):
                try:
                    outputs = await self._handed_out(driver, last_id, task)
                except FlowbookError as failed:
                    error = rendering.failure(failed)
            if isinstance(task, ExecutableTask) and task.many:
                if outputs is not None:
                    kept = driver.closing.values_of(rendering.plain(outputs))
                    self._store(driver, run_id, f"{value}/{OUTPUTS}", kept)
                outputs = None
            driver.post(
                e.ChildEnded(
                    at=workspace.clock.now(),
                    task_run=run_id,
                    execution_id=child_id,
                    state=state,
                    outputs=outputs,
                    error=error,
                )
            )

    def _store(self, driver: Driver, run_id: str, name: str, outputs: Mapping[str, Json]) -> None:
        """Keep the outputs of one of many children as a file of the task run."""
        run, flow = driver.execution.task_runs[run_id], driver.execution.flow
        storage = self._workspace.storage
        prefix = storage.task_prefix(
            flow.namespace, flow.id, driver.execution.id, run.task_id, run.id
        )
        line = json.dumps(rendering.plain(outputs), ensure_ascii=False)
        storage.put(prefix, name, source=f"{line}\n")

    async def _handed_out(
        self, driver: Driver, child_id: str, task: ExecutableTask
    ) -> Mapping[str, Json] | None:
        """The outputs of a child whose flow declares none: what the task picks out of it. Raises
        `ExpressionError`."""
        sources = task.picks()
        if sources:
            child = await self._workspace.adoption.read(child_id)
            scope = child.scope(None)
            picked: Mapping[str, Json] = await rendering.in_place(
                sources, scope, lambda: rendering.answer_all(sources, scope)
            )
            return picked
        if driver.execution.flow.dialect != "seed":
            return None
        runs = await self._workspace.history.closed_outputs(child_id)
        by_task: dict[str, Any] = {
            run["task_id"]: driver.closing.open(run["outputs"]) for run in runs
        }
        wanted = task.receives()
        return by_task if wanted is None else {name: _found(by_task, name) for name in wanted}


def _found(by_task: Mapping[str, Any], name: str) -> Json:
    """A task of that id, else the last task that has an output of that name."""
    if name in by_task:
        return by_task[name]
    found = [outputs[name] for outputs in by_task.values() if outputs and name in outputs]
    return found[-1] if found else None


def _iteration(run: TaskRun, task: Task, index: int) -> dict[str, Json]:
    """Where in an iteration the task run stands that starts an execution."""
    found: dict[str, Json] = {}
    if run.value is not None:
        found["taskRunValue"] = run.value
    iteration = index if isinstance(task, ExecutableTask) and task.many else run.iteration
    if iteration is not None:
        found["taskRunIteration"] = iteration
    return found


def _moment(new: NewExecution) -> datetime | None:
    if not new.schedule_date:
        return None
    return datetime.fromisoformat(new.schedule_date.replace("Z", "+00:00"))
