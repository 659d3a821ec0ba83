"""What people do to executions: pause, resume, restart, replay, mark, label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, InputInvalid, NotFound
from flowbook.executions import events as e
from flowbook.executions import pauses, replays, restarts
from flowbook.executions.model import Execution, TaskRun
from flowbook.ids import new_id
from flowbook.kinds.state import State

from . import creation
from .drive import Driver

if TYPE_CHECKING:
    from .given import Given
    from .successors import Successor
    from .workspace import Workspace


class Control:
    """Requests about executions, checked against how they stand, then told to whoever drives them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def _driver(self, execution_id: str) -> Driver:
        """Who drives the execution, or a reader of it as it stands."""
        workspace = self._workspace
        known = workspace.drivers.get(execution_id)
        return known or await workspace.adoption.read(execution_id)

    async def _seen(self, execution_id: str) -> Execution:
        """The execution as it stands, read from wherever it is driven."""
        return (await self._driver(execution_id)).execution

    async def pause(self, execution_id: str) -> None:
        execution = await self._seen(execution_id)
        if execution.state not in (State.RUNNING, State.RETRYING):
            raise Conflict(f"The execution is not running: '{execution_id}' is {execution.state}")
        await self._tell(execution_id, e.PauseRequested(at=self._now()))

    async def resume(
        self,
        execution_id: str,
        inputs: Mapping[str, Given] | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        driver = await self._driver(execution_id)
        execution = driver.execution
        pauses.check_resume(execution)
        values: dict[str, Any] = dict(inputs or {})
        for run in pauses.waiting(execution):
            asked = tuple(getattr(execution.task(run), "on_resume", ()))
            if asked:
                scope = driver.scope(run)
                values = await creation.answered(
                    self._workspace, execution, asked, values, scope, folder
                )
                driver.closing.learn(creation.secret_values(asked, values))
        wanted = e.ResumeRequested(at=self._now(), inputs=values)
        await self._workspace.tell(execution_id, wanted, driver.closing.values)

    async def restart(
        self,
        execution_id: str,
        *,
        revision: int | None = None,
        continue_from: int | None = None,
        task: str | None = None,
        confirm: bool = False,
    ) -> str:
        """Try again what failed; `continue_from` goes on at a cell of a notebook (`confirm`: also if
        `errors` or `finally` tasks have run). Raises `Conflict`, `Unconfirmed`, `NotFound`."""
        execution = await self._seen(execution_id)
        if continue_from is not None:
            wanted = await self._workspace.continuing.restart(
                execution, continue_from, task=task, confirmed=confirm
            )
            await self._tell(execution_id, wanted)
            return execution_id
        restarts.check_restart(execution)
        run = None if task is None else find_run(execution, task)
        if revision is not None and revision != execution.revision:
            failed = run or next(
                one
                for one in execution.in_order()
                if one.state in restarts.RESTARTABLE and one.stand is None
            )
            return await self.replay(
                execution_id, task_run=failed.id, revision=revision, label="system.restarted"
            )
        await self._tell(
            execution_id,
            e.RestartRequested(
                at=self._now(),
                task_run=None if run is None else run.id,
            ),
        )
        return execution_id

    async def replay(
        self,
        execution_id: str,
        *,
        task_run: str | None = None,
        inputs: Mapping[str, Given] | None = None,
        keep: bool = True,
        revision: int | None = None,
        folder: Path | None = None,
        label: str = "system.replay",
    ) -> str:
        """A new execution like an old one, which its label says; its id. Inputs that aren't among `inputs` are
        the old ones, or what a new execution would have if they aren't to be kept."""
        workspace = self._workspace
        driver = await self._driver(execution_id)
        old, secrets = driver.execution, driver.closing.values
        flow, number = old.flow, old.revision
        if revision is not None:
            flow, row = await workspace.flows.load(old.flow.namespace, old.flow.id, revision)
            number = int(row["revision"])
        new = new_id(workspace.random)
        target = None if task_run is None else find_run(old, task_run).id
        alike = creation.like(old, flow, number, self._now())
        created = replace(
            alike,
            labels=(*alike.labels, (label, "true")),
            variables=old.variables,
            copied=() if target is None else replays.copies(old, target, new),
        )
        if inputs is not None:
            given = creation.given_again(flow, inputs, old.inputs, keep=keep)
            resolved = await creation.resolved_inputs(
                workspace, flow, replace(old, id=new, flow=flow), given, driver.closing, folder
            )
            created = replace(created, inputs=resolved)
        workspace.drive(flow, new, created, secrets=secrets)
        return await workspace.begun(new)

    def go_on(self, successor: Successor, old: Driver) -> None:
        """Drive the execution that has taken a RETRIED one's place."""
        driver = Driver(self._workspace, successor.begun.execution, old.owner)
        driver.closing.learn(old.closing.values)
        for command in successor.begun.commands:
            driver.perform(command)
        driver.post(e.Started(at=self._now()))
        self._workspace.take(driver)

    async def force_run(self, execution_id: str) -> None:
        """Run an execution that waits: for its date, for a slot, or to be resumed."""
        execution = await self._seen(execution_id)
        if execution.state is State.PAUSED:
            await self.resume(execution_id)
        elif execution.state in (State.CREATED, State.QUEUED):
            await self._tell(execution_id, e.Started(at=self._now(), admitted=True))
        else:
            raise Conflict(
                f"Execution '{execution_id}' is {execution.state}: only one that is CREATED, QUEUED or PAUSED can be forced"
            )

    async def unqueue(self, execution_id: str) -> None:
        """Run an execution that waits for a slot, above the limit."""
        execution = await self._seen(execution_id)
        if execution.state is not State.QUEUED:
            raise Conflict(f"Execution '{execution_id}' is {execution.state}, not QUEUED")
        await self._tell(execution_id, e.Started(at=self._now(), admitted=True))

    async def change_status(self, execution_id: str, task_run: str | None, state: str) -> None:
        execution = await self._seen(execution_id)
        try:
            wanted = State(state.upper())
        except ValueError:
            raise InputInvalid(
                [f"'{state}' is no state: write SUCCESS, WARNING, FAILED …"]
            ) from None
        if not wanted.is_terminal:
            raise Conflict(f"{wanted} is not an end state")
        if task_run is None:
            if not execution.state.is_terminal:
                raise Conflict(
                    f"Execution '{execution_id}' is {execution.state}: only an ended one takes another state"
                )
            await self._tell(execution_id, e.StatusChanged(at=self._now(), state=wanted))
            return
        if not (execution.state.is_terminal or execution.state is State.PAUSED):
            raise Conflict(f"Execution '{execution_id}' is {execution.state}: wait for its end")
        run = find_run(execution, task_run)
        await self._tell(execution_id, e.Marked(at=self._now(), task_run=run.id, state=wanted))

    async def set_labels(self, execution_id: str, labels: Mapping[str, str]) -> None:
        wrong = [key for key in labels if key.startswith("system.")]
        if wrong:
            raise InputInvalid([f"System labels can't be set: {key}" for key in wrong])
        await self._seen(execution_id)
        pairs = tuple((key, str(value)) for key, value in labels.items())
        await self._tell(execution_id, e.LabelsSet(at=self._now(), labels=pairs))

    async def evaluate(self, execution_id: str, expression: str, *, task: str | None = None) -> Any:
        """What an expression gives in an execution."""
        from flowbook.expressions import render as language

        from . import rendering

        driver = await self._driver(execution_id)
        run = None if task is None else find_run(driver.execution, task)
        scope = driver.scope(run)
        source = expression if language.is_dynamic(expression) else "{{ " + expression + " }}"
        value = await rendering.in_place(
            source, scope, lambda: language.render_typed(source, scope)
        )
        return driver.closing.masked_deep(rendering.plain(value))

    async def _tell(self, execution_id: str, event: e.Event) -> None:
        await self._workspace.tell(execution_id, event)

    def _now(self) -> Any:
        return self._workspace.clock.now()


def find_run(execution: Execution, which: str) -> TaskRun:
    """A task run by its id, or the newest one of a task. Raises `NotFound`."""
    if which in execution.task_runs:
        return execution.task_runs[which]
    found = [run for run in execution.in_order() if run.task_id == which]
    if not found:
        known = ", ".join(dict.fromkeys(run.task_id for run in execution.in_order()))
        raise NotFound(f"Execution '{execution.id}' has no task run '{which}'; it has {known}")
    return found[-1]
