"""One execution, as a person holds it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowbook.errors import NotFound
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State

from .task_run import TaskRun, moment

if TYPE_CHECKING:
    from flowbook.engine.drive import Driver
    from flowbook.views.difference import Difference
    from flowbook.views.progress import Progress
    from flowbook.views.run import RunView

    from .executions import Executions


class Run:
    """One execution, as a person holds it: read from the history when it is looked at."""

    def __init__(
        self, workspace: Executions, id: str, row: Mapping[str, Any] | None = None
    ) -> None:
        self.workspace = workspace
        self.id = id
        self._row = row if row is not None and State(row["state"]).is_terminal else None

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.flow}: {self.state}>"

    @property
    def row(self) -> Mapping[str, Any]:
        """The execution's row in the history."""
        if self._row is not None:
            return self._row
        return self.workspace.portal.call(self.workspace.engine.history.row(self.id))

    @property
    def flow(self) -> str:
        """`namespace.id`"""
        row = self.row
        return f"{row['namespace']}.{row['flow_id']}"

    @property
    def revision(self) -> int:
        return int(self.row["flow_revision"])

    @property
    def state(self) -> State:
        return State(self.row["state"])

    @property
    def inputs(self) -> dict[str, Json]:
        return dict(self.row["inputs"] or {})

    @property
    def outputs(self) -> dict[str, Json]:
        """The flow's own outputs."""
        return dict(self.row["outputs"] or {})

    @property
    def labels(self) -> dict[str, str]:
        return {label["key"]: label["value"] for label in reversed(self.row["labels"] or [])}

    @property
    def error(self) -> dict[str, Json] | None:
        """What went wrong: `type`, `message`, `taskId` …"""
        error: dict[str, Json] | None = self.row["error"]
        return error

    @property
    def start(self) -> datetime | None:
        return moment(self.row["started_at"])

    @property
    def end(self) -> datetime | None:
        return moment(self.row["ended_at"])

    @property
    def duration(self) -> timedelta | None:
        start, end = self.start, self.end
        return None if start is None or end is None else end - start

    @property
    def progress(self) -> Progress | None:
        """How far it is; its text is `33 of 55 · report, cell 7 of 12 · 1:10 left`. None when it has ended."""
        if self.is_over:
            return None
        return self.workspace.portal.call(self.workspace.engine.history.progress(self.id))

    @property
    def parent_id(self) -> str | None:
        """The execution this one is a replay of."""
        parent: str | None = self.row["parent_id"]
        return parent

    @property
    def is_over(self) -> bool:
        return self.state.is_terminal and self.id not in self.workspace.engine.drivers

    @property
    def task_runs(self) -> list[TaskRun]:
        """In the order of their creation."""
        call, history = self.workspace.portal.call, self.workspace.engine.history
        rows = call(history.task_runs(self.id))
        outputs = {row["task_run_id"]: row["outputs"] for row in call(history.outputs(self.id))}
        return [TaskRun(self, row, outputs.get(row["id"])) for row in rows]

    def __getitem__(self, which: str | tuple[str, str]) -> TaskRun:
        """`run["task"]`, or `run["task", "value"]` in an iteration; the newest of several."""
        task_id, value = which if isinstance(which, tuple) else (which, None)
        runs = self.task_runs
        found = [
            run
            for run in runs
            if run.task_id == task_id and (value is None or run.value == str(value))
        ]
        if not found:
            import difflib

            known = list(dict.fromkeys(run.task_id for run in runs))
            close = difflib.get_close_matches(task_id, known, 1)
            hint = f": did you mean '{close[0]}'?" if close else f"; it has {', '.join(known)}"
            of = f" with value '{value}'" if value is not None else ""
            raise NotFound(f"Execution {self.id} has no task run '{task_id}'{of}{hint}")
        return found[-1]

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys(run.task_id for run in self.task_runs))

    def logs(self, level: str | None = None, task: str | None = None) -> list[dict[str, Any]]:
        """Log lines in order: ts, level, task_id, message …"""
        return self.workspace.portal.call(
            self.workspace.engine.history.logs(
                self.id, level=None if level is None else level.upper(), task=task
            )
        )

    @property
    def last(self) -> Run:
        """The execution at the end of those that took this one's place when a retry made new ones (it is
        RETRIED then); mostly this one."""
        last = self.workspace.portal.call(self.workspace.engine.history.last(self.id))
        return self if last == self.id else Run(self.workspace, last)

    @property
    def final(self) -> Run:
        """The same with its row, which is not read again: for what has just been waited for."""
        row = self.workspace.portal.call(self.workspace.engine.history.final(self.id))
        return Run(self.workspace, row["id"], row)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until nothing is left to run. Raises `TimeoutError`.

        Gives the run itself, or the last one in its place if a retry made new executions.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"Execution {self.id} is still {self.state} after {timeout} s")
            try:
                last = self.workspace.portal.call(self.workspace.engine.wait(self.id, left))
            except TimeoutError:
                continue
            return self if last == self.id else Run(self.workspace, last)

    def watch(self, interval: float = 0.1) -> Iterator[RunView]:
        """The execution's view, again whenever something has changed, at most every `interval` seconds;
        the last one is the end. Goes on with the execution that takes its place, if one does."""
        call, engine = self.workspace.portal.call, self.workspace.engine
        driver = engine.drivers.get(self.id)
        changes = engine.history.changes(self.id)
        try:
            while True:
                began = time.monotonic()
                try:
                    call(_next(changes))
                except _Over:
                    break
                yield call(engine.history.view(self.id))
                if (left := interval - (time.monotonic() - began)) > 0:
                    call(_rest(driver, left))
        finally:
            with contextlib.suppress(RuntimeError):  # after Ctrl-C it still waits over there
                call(changes.aclose())  # type: ignore[attr-defined]
        yield call(engine.history.view(self.id))
        if (later := call(engine.history.successor(self.id))) is not None:
            yield from Run(self.workspace, later).watch(interval)

    def df(self, task: str, name: str | None = None) -> Any:
        """A table that a task handed on, as a pandas DataFrame."""
        return self[task].df(name)

    def eval(self, expression: str, task: str | None = None) -> Json:
        """What an expression gives in this execution, at the place of a task if one is named."""
        return self.workspace.portal.call(
            self.workspace.engine.evaluate(self.id, expression, task=task)
        )

    def why(self, task: str) -> str:
        """Why a task ran, or didn't, in words: a task's id, or a task run's."""
        return self.workspace.why(self.id, task)

    def diff(self, other: str | None = None) -> Difference:
        """How it differs from another execution, by default from its flow's last good one before it."""
        return self.workspace.diff(self.id, other)

    def rerun(self, task: str, **properties: Json) -> Run:
        """Run one task again, with these properties, as a new execution on what this one has recorded."""
        return self.workspace.rerun(self.id, task, **properties)

    def kill(self) -> Run:
        """End it."""
        self.workspace.kill(self.id)
        return self

    def restart(self, **options: Any) -> Run:
        """Run again what failed."""
        return self.workspace.restart(self.id, **options)

    def replay(self, task_run: str | None = None, **options: Any) -> Run:
        """Run again as a new execution."""
        return self.workspace.replay(self.id, task_run, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.workspace.view(self.id).bundle()


async def _next(changes: Any) -> None:
    try:
        await anext(changes)
    except StopAsyncIteration:
        raise _Over from None


class _Over(Exception):
    """Nothing more changes; a `StopAsyncIteration` can't travel through a future."""


async def _rest(driver: Driver | None, seconds: float) -> None:
    """Wait a moment, less if the execution ends meanwhile."""
    import asyncio

    if driver is None:
        await asyncio.sleep(seconds)
        return
    try:
        async with asyncio.timeout(seconds):
            await driver.over.wait()
    except TimeoutError:
        pass
