"""Carrying one execution to its end: events in from whatever it waits for, commands out.

Theory of operation: a driver has one inbox. It takes all that has arrived, folds it (pure), makes the
events and the rows they moved durable in one append, and only then acts on the commands. While one
append is under way the next events are folded, but not sent: a step is durable or nothing after it is.
Nothing else changes the execution, so there are no locks around its state. Wishes of other hosts (kill, resume …)
are rows of kind `wish` in the history; the driver that sees one makes its own event of it, so going
through the events again meets them in the order in which they counted.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.executions import changes as rows_of
from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions.model import Execution, TaskRun
from flowbook.executions.step import Folded, fold
from flowbook.expressions.render import Scope
from flowbook.kinds.change import Change
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Level, RunnableTask
from flowbook.store.rows import EventRow, Owner, StaleOwner, StoreBusy

from . import beside, callers, limits, rendering
from .answering import answer
from .attempt import run_attempt
from .closing import Closing
from .context import AttemptContext
from .successors import Successor, successor_of
from .triggered import Due

if TYPE_CHECKING:
    from flowbook.store.packing import Prepared

    from .workspace import Workspace

_log = logging.getLogger(__name__)
AT_ONCE = 250
"""Events a step takes at most: they are committed while the next are folded, and the last commit is waited for."""
FEW = 10
"""Events that are folded in a moment, so that it doesn't matter who else computes."""
UNTIL_ROOM = 1.0
"""Seconds after which a step that a full disk refused is sent again."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Some events folded, and what is to be stored of them."""

    folded: Folded
    moved: tuple[Change, ...]
    prepared: Prepared
    successor: Successor | None
    due: tuple[Due, ...]
    """What Flow triggers have to be asked about once it is durable."""


class Driver:
    """One execution on its way."""

    def __init__(self, workspace: Workspace, execution: Execution, owner: Owner) -> None:
        self.workspace = workspace
        self.execution = execution
        self.owner = owner
        self.progress: dict[str, Mapping[str, Json]] = {}
        self.artifacts: list[tuple[TaskRun, str, Mapping[str, Json]]] = []
        self.cells: dict[tuple[str, int], Mapping[str, Json]] = {}
        self.settles: tuple[Change, ...] = ()
        """Rows that become durable with its first step."""
        self.ended = asyncio.Event()
        """Set when the execution has its end state."""
        self.over = asyncio.Event()
        """Set when nothing is left to run."""
        self.directories: dict[str, Path] = {}
        """Working directories that several task runs share, by the task run around them."""
        self.closing = Closing(lambda: workspace.key).of_flow(execution.flow)
        self.caller: Driver | None = None
        """Who drives, or reads, the execution that has called this one, if expressions ask for it."""
        self._inbox: list[tuple[e.Event, str | None]] = []
        self.posted = execution.events
        """How many events the execution is folded from once all that has arrived is taken."""
        self._arrived = asyncio.Event()
        self._attempts: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watchers: set[asyncio.Event] = set()
        self._wishes: set[str] = set()
        self._writing_progress: asyncio.Task[None] | None = None
        self._closing = False
        self._folded = execution
        """The execution with what has been folded and isn't durable yet."""
        self._sent: tuple[_Step, Awaitable[int]] | None = None
        self._working: AbstractContextManager[None] | None = None
        self._services: Mapping[str, Callable[..., object]] | None = None

    @classmethod
    def reading(
        cls, workspace: Workspace, execution: Execution, secrets: Iterable[str] = ()
    ) -> Driver:
        """A driver that only evaluates expressions."""
        driver = cls(workspace, execution, Owner(workspace.host.id, 0))
        driver.closing.learn(secrets)
        return driver

    # -- what happens ----------------------------------------------------------------------------

    def post(self, event: e.Event, wish: str | None = None) -> None:
        """Something has happened; the driver takes it with its next step. Loop thread only."""
        if wish is not None:
            if wish in self._wishes:
                return
            self._wishes.add(wish)
        self._inbox.append((event, wish))
        self.posted += 1
        self._arrived.set()

    async def drive(self) -> None:
        """Carry the execution to its end."""
        try:
            await callers.load(self)
            while not self._closing:
                if self.execution.is_over and not self._inbox:
                    break
                await self._arrived.wait()
                self._arrived.clear()
                while self._inbox and not self._closing:
                    taken, self._inbox = self._inbox[:AT_ONCE], self._inbox[AT_ONCE:]
                    if self.workspace.triggering.triggers.stale:
                        await self.workspace.triggering.triggers.ready()
                    many = len(taken) > FEW or not self.execution.count
                    with self.workspace.brisk.alone() if many else nullcontext():
                        step = self._step(taken)
                    await self._settle()
                    await self._send(step)
                await self._settle()
        except StaleOwner as error:
            _log.warning("%s", error, extra={"execution": self.execution.id})
            await self._let_go()
        except Exception as error:
            _log.exception("driving failed", extra={"execution": self.execution.id})
            await self._give_up(error)
        finally:
            self._clock_rests()
            if self._writing_progress is not None:
                self._writing_progress.cancel()
            self.workspace.drove(self)
            self.ended.set()
            self.over.set()
            self._tell_watchers()

    def _step(self, taken: list[tuple[e.Event, str | None]]) -> _Step:
        """Fold events; what they moved is made ready to be sent, and seen by nobody yet."""
        try:
            folded = fold(self._folded, [event for event, _ in taken])
        except Exception as error:
            _log.exception("an execution's step failed", extra={"execution": self.execution.id})
            failed = e.EngineFailed(at=self.workspace.clock.now(), error=_fault(error))
            taken = [(failed, None)]
            folded = fold(self._folded, [failed])
        due = self.workspace.triggering.due(self._folded, folded.execution)
        self._folded = folded.execution
        moved = folded.changes + self.settles
        self.settles = ()
        if due:
            moved += self.workspace.triggering.rows(due, folded.execution)
        if self.artifacts:
            made, self.artifacts = self.artifacts, []
            moved += tuple(self._artifact(*one) for one in made)
        stored = [self._row(event, wish) for event, wish in taken]
        if (successor := successor_of(folded)) is not None:
            stored.append(successor.row)
            moved += successor.begun.changes
        events, rows = self.closing.events(stored), self.closing.rows(moved)
        prepared = self.workspace.store.prepare(events, rows, self.owner)
        return _Step(folded, moved, prepared, successor, due)

    async def _send(self, step: _Step) -> None:
        """Begin to make a step durable. If more has arrived, that is folded while the storekeeper writes."""
        self._working = self.workspace.clock.working()
        self._working.__enter__()
        try:
            await self.workspace.records.flush()
        except StoreBusy as error:
            _log.warning("%s: log lines are missing: %s", self.execution.id, error)
        self._sent = step, self.workspace.store.send(step.prepared)
        if self._inbox:
            await self.workspace.store.handed_over()

    async def _settle(self) -> None:
        """Wait until the step that was sent is durable, and only then act on its commands."""
        if self._sent is None:
            return
        step, answer = self._sent
        await self._durable(step, answer)
        self._sent = None
        self.execution = step.folded.execution
        if self.directories:
            beside.tidy(self, step.moved)
        if step.due:
            secrets = frozenset(self.closing.values)
            self.workspace.triggering.take(self.execution, step.due, secrets)
        if step.successor is not None:
            self.workspace.control.go_on(step.successor, self)
        for command in step.folded.commands:
            self.perform(command)
        self._clock_rests()
        self._tell_watchers()

    async def _durable(self, step: _Step, answer: Awaitable[int]) -> None:
        """Wait until a step is in the history; on a full disk, until there is room for it."""
        told = False
        while True:
            try:
                await answer
                return
            except StoreBusy as error:
                if self._closing:
                    raise
                if not told:
                    _log.warning(
                        "%s waits: %s",
                        self.execution.id,
                        error,
                        extra={"execution": self.execution.id},
                    )
                told = True
            await asyncio.sleep(UNTIL_ROOM)
            answer = self.workspace.store.send(step.prepared)

    def _clock_rests(self) -> None:
        if self._working is not None:
            self._working.__exit__(None, None, None)
            self._working = None

    async def _give_up(self, error: Exception) -> None:
        """Not even the failure could be folded: say so in the execution's row, so that nobody waits."""
        row = rows_of.execution_row(self.execution)
        values = {
            **(row.values or {}),
            "state": State.FAILED.value,
            "ended_at": self.workspace.clock.now().isoformat(),
            "error": _fault(error),
        }
        changed = self.closing.rows([Change(row.table, row.key, values)])
        await self.workspace.store.append([], changed, None)
        await self._let_go()

    def _row(self, event: e.Event, wish: str | None) -> EventRow:
        payload = e.to_json(event)
        if wish is not None:
            payload["wish"] = wish
        return EventRow(self.execution.id, event.at, event.kind, payload)

    def _artifact(self, run: TaskRun, name: str, made: Mapping[str, Json]) -> Change:
        from .tables import MARK

        return Change(
            "artifacts",
            (made[MARK],),
            {
                "uri": made[MARK],
                "execution_id": self.execution.id,
                "task_run_id": run.id,
                "task_id": run.task_id,
                "name": name,
                "kind": "table",
                "rows": made["rows"],
                "bytes": made["bytes"],
                "columns": made["columns"],
            },
        )

    # -- what to do ------------------------------------------------------------------------------

    def perform(self, command: c.Command) -> None:
        """Act on a command; whatever comes of it is posted."""
        match command:
            case c.RunAttempt():
                key = (command.task_run, command.attempt)
                run = self.execution.task_runs.get(command.task_run)
                if run is None or run.state is State.KILLING:
                    return  # killed by what came with its start: the command that follows says so
                if run.runs_attempt(command.attempt):
                    self._attempts[key] = self._spawn(self._attempt(run, command))
            case c.Ask():
                self._spawn(answer(self, command))
            case c.Note():
                self.note(command.task_run, command.level, command.message)
            case c.SetTimer():
                self.set_timer(command)
            case c.KillAttempt():
                self._kill(command)
            case c.StartExecution():
                self._spawn(self.workspace.subflows.start(self, command))
            case c.KillExecution():
                self._spawn(self.workspace.kill(command.execution_id))
            case c.Admit():
                self._spawn(limits.admit(self.workspace, self))
            case c.Ended():
                self.ended.set()
                self.workspace.execution_ended(self)

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        """Whatever fails unexpectedly beside the driver fails the execution, so that nobody waits."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._closing:
            _log.error("driving failed", exc_info=error, extra={"execution": self.execution.id})
            self.post(e.EngineFailed(at=self.workspace.clock.now(), error=_fault(error)))

    def set_timer(self, command: c.SetTimer) -> None:
        def fire() -> None:
            now = max(self.workspace.clock.now(), command.due)
            self.post(e.TimerFired(at=now, task_run=command.task_run, purpose=command.purpose))

        self.workspace.timers.at(command.due, fire)

    def note(self, run_id: str, level: Level, message: str) -> None:
        """An engine's own line in the execution's log."""
        run = self.execution.task_runs.get(run_id)
        self.workspace.records.add(
            {
                "table": "logs",
                "execution_id": self.execution.id,
                "task_run_id": run_id or None,
                "task_id": run.task_id if run else None,
                "attempt": len(run.attempts) if run else None,
                "namespace": self.execution.flow.namespace,
                "flow_id": self.execution.flow.id,
                "ts": self.workspace.clock.now().isoformat(),
                "level": level.value,
                "message": self.closing.masked(message),
            }
        )

    async def _attempt(self, run: TaskRun, command: c.RunAttempt) -> None:
        task = self.execution.task(run)
        slot = self.workspace.slots.of(task)
        if (waits := self.workspace.slots.full(task)) is not None:
            self.note_progress(run.id, {"fraction": None, "text": waits})
        try:
            async with slot:
                if waits is not None:
                    self.note_progress(run.id, {"fraction": None, "text": ""})
                if not isinstance(task, RunnableTask):
                    raise TypeError(f"{task.type} can't be run")
                context = AttemptContext(self, run, task, command.attempt)
                with self.workspace.clock.working():
                    event: e.Event = await run_attempt(context, task)
        except asyncio.CancelledError:
            if self._closing:
                return
            event = e.AttemptKilled(
                at=self.workspace.clock.now(), task_run=run.id, attempt=command.attempt
            )
        except Exception as error:  # slots, contexts: never the task's own
            event = e.AttemptFailed(
                at=self.workspace.clock.now(),
                task_run=run.id,
                attempt=command.attempt,
                error=_fault(error),
            )
        finally:
            self._attempts.pop((run.id, command.attempt), None)
            self.progress.pop(run.id, None)
        self.post(event)

    def _kill(self, command: c.KillAttempt) -> None:
        attempt = self._attempts.get((command.task_run, command.attempt))
        if attempt is not None:
            attempt.cancel()
        else:
            self.post(
                e.AttemptKilled(
                    at=self.workspace.clock.now(),
                    task_run=command.task_run,
                    attempt=command.attempt,
                )
            )

    def scope(self, run: TaskRun | None, extra: Mapping[str, Json] | None = None) -> Scope:
        """What an expression sees here and now."""
        workspace = self.workspace
        if self._services is None:
            self._services = workspace.services(self.execution, self.closing)
        return rendering.scope_of(
            self.execution,
            run,
            storage=workspace.storage,
            services=self._services,
            surroundings=workspace.surroundings(self.execution.flow),
            extra=extra,
            caller=None if self.caller is None else self.caller.execution,
        )

    # -- progress --------------------------------------------------------------------------------

    def note_progress(self, run_id: str, progress: Mapping[str, Json]) -> None:
        """Shown beside the task run while it runs; written at most four times a second."""
        self.progress[run_id] = progress
        self._tell_watchers()
        if self._writing_progress is None:
            self._writing_progress = self._spawn(self._write_progress())

    async def _write_progress(self) -> None:
        await asyncio.sleep(0.25)
        self._writing_progress = None
        changed = []
        for run_id, progress in self.progress.items():
            run = self.execution.task_runs.get(run_id)
            if run is not self._folded.task_runs.get(run_id):
                continue  # a newer row is on its way
            if run is not None and not run.state.is_terminal:
                row = rows_of.task_run_row(self.execution, run)
                values = {**(row.values or {}), "progress": progress}
                changed.append(Change(row.table, row.key, values))
        if changed:
            await self.workspace.store.append([], self.closing.rows(changed), None)

    def note_record(self, row: Mapping[str, Any]) -> None:
        """A record of this execution is on its way to the history."""
        if row["table"] == "cells":
            self.cells[row["task_run_id"], row["cell"]] = row
        self._tell_watchers()

    # -- who watches -----------------------------------------------------------------------------

    def watch(self) -> asyncio.Event:
        """An event that is set whenever something has changed; give it back to `unwatch`."""
        watcher = asyncio.Event()
        self._watchers.add(watcher)
        return watcher

    def unwatch(self, watcher: asyncio.Event) -> None:
        self._watchers.discard(watcher)

    def _tell_watchers(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    # -- the end ---------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Let go of an execution that isn't over: what runs is interrupted without a word."""
        self._closing = True
        self._arrived.set()
        await self._let_go()

    async def _let_go(self) -> None:
        self._closing = True
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.gather(
            *(t for t in self._tasks if t is not asyncio.current_task()), return_exceptions=True
        )


def _fault(error: BaseException) -> dict[str, Json]:
    return {
        "type": type(error).__name__,
        "message": f"flowbook failed: {error}",
        "traceback": "".join(traceback.format_exception(error))[-8000:],
    }
