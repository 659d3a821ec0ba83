"""A workspace as people type it: `ws = fb.open()`, `run = ws.run(…)`, `run["task"].outputs`.

The synchronous face of `engine.workspace.Workspace`, which is written once and lives on the engine's own
loop; it works inside a running event loop too.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, NotFound
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.portal import Portal

if TYPE_CHECKING:
    from types import TracebackType

    from flowbook.clock import Clock
    from flowbook.engine.drive import Driver
    from flowbook.engine.schedules import Fires
    from flowbook.engine.workspace import Workspace as Engine
    from flowbook.flows.model import Flow
    from flowbook.problems import Problem
    from flowbook.views.run import RunView


def open(
    path: str | Path | None = None,
    *,
    embedded: bool = False,
    kind: str = "script",
    clock: Clock | None = None,
) -> Workspace:
    """Open a workspace: of a folder, else `FLOWBOOK_HOME`, else the nearest one, else here.

    `embedded` holds the history in this process, for tests. Raises `WorkspaceError`.
    """
    return Workspace(path, embedded=embedded, kind=kind, clock=clock)


class Workspace:
    """An open workspace; close it, or use it in a `with`."""

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        embedded: bool = False,
        kind: str = "script",
        clock: Clock | None = None,
    ) -> None:
        from flowbook.engine.workspace import Workspace as Engine

        self.portal = Portal()
        try:
            self.engine: Engine = self.portal.call(
                Engine.open(path, kind=kind, clock=clock, embedded=embedded)
            )
        except BaseException:
            self.portal.close()
            raise

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<flowbook workspace {self.root}>"

    def close(self) -> None:
        """Give up what is left to run here and let go of the history."""
        if self.portal.is_open:
            try:
                self.portal.call(self.engine.close(), timeout=60)
            finally:
                self.portal.close()

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.engine.place.root

    # -- flows -----------------------------------------------------------------------------------

    def deploy(self, source: str | Path | Mapping[str, Json] | Flow) -> Flow:
        """Save a flow (YAML text, a path, a mapping or a `Flow`) as the revision that counts.

        Raises `fb.FlowInvalid` with all problems.
        """
        return self.portal.call(self.engine.deploy(source))

    def validate(self, source: str | Path | Mapping[str, Json]) -> list[Problem]:
        """All problems of a flow: severity, message, line, column, hint."""
        return self.engine.validate(source)

    def flow(self, id: str, revision: int | None = None) -> Flow:
        """A flow by `namespace.id`. Raises `NotFound`."""
        return self.portal.call(self.engine.flow(id, revision))

    def flows(self, namespace: str | None = None, q: str | None = None) -> list[dict[str, Any]]:
        """The flows that are there: namespace, id, revision, draft, disabled, description, source …"""
        return self.portal.call(self.engine.store.query("flows_latest", namespace=namespace, q=q))

    def revisions(self, id: str) -> list[dict[str, Any]]:
        """All revisions of a flow, newest first."""
        from flowbook.engine.flows import split_uid

        namespace, flow_id = split_uid(id)
        return self.portal.call(
            self.engine.store.query("revisions_of", namespace=namespace, id=flow_id)
        )

    def delete(self, id: str) -> bool:
        """Mark a flow deleted; its revisions and its history stay. Deploying it again brings it back."""
        return self.portal.call(self.engine.delete(id))

    # -- executions ------------------------------------------------------------------------------

    def run(
        self,
        flow: str | Path | Mapping[str, Json] | Flow,
        inputs: Mapping[str, Json] | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        wait: bool = True,
        timeout: float | None = None,
        revision: int | None = None,
        namespace: str | None = None,
        from_: str | None = None,
        to: str | None = None,
        only: str | Sequence[str] | None = None,
    ) -> Run:
        """Run a flow (`namespace.id`, a `Flow`, or YAML) and wait for its end.

        A failed execution raises nothing: see `run.state` and `run.error`. Raises `fb.FlowInvalid`,
        `InputInvalid`, `NotFound`, `TimeoutError`.
        """
        wanted = _wanted(only)
        work = self.engine.run(
            flow,
            inputs,
            labels,
            revision=revision,
            namespace=namespace,
            only=wanted,
            from_=from_,
            to=to,
        )
        run = Run(self, self.portal.call(work))
        if wait:
            run.wait(timeout)
        return run

    def execution(self, id: str) -> Run:
        """An execution by its id, or the beginning of it. Raises `NotFound`."""
        return Run(self, self.portal.call(self.engine.history.find(id)))

    def executions(
        self,
        namespace: str | None = None,
        flow: str | None = None,
        state: str | Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Executions, newest first. `flow` is an id, or `namespace.id`."""
        if flow is not None and namespace is None and "." in flow:
            namespace, _, flow = flow.rpartition(".")
        states = [state] if isinstance(state, str) else state
        rows = self.portal.call(
            self.engine.history.executions(
                namespace=namespace,
                flow_id=flow,
                states=None if states is None else [str(one).upper() for one in states],
                labels=labels,
                since=since,
                limit=limit,
            )
        )
        return [Run(self, row["id"], row) for row in rows]

    def kill(self, id: str, cascade: bool = True) -> None:
        """End an execution, and those it has started. Raises `NotFound`, `Conflict`."""
        self.portal.call(self.engine.kill(self._id(id), cascade=cascade))

    def pause(self, id: str) -> None:
        """Let what runs finish and start nothing new. Raises `Conflict`."""
        self.portal.call(self.engine.pause(self._id(id)))

    def resume(self, id: str, inputs: Mapping[str, Json] | None = None) -> Run:
        """Go on with a paused execution. Raises `Conflict` if it isn't paused."""
        self.portal.call(self.engine.resume(self._id(id), inputs))
        return Run(self, self._id(id))

    def force_run(self, id: str) -> Run:
        """Run an execution that waits for its date, for a slot or to be resumed. Raises `Conflict`."""
        self.portal.call(self.engine.control.force_run(self._id(id)))
        return Run(self, self._id(id))

    def unqueue(self, id: str) -> Run:
        """Run an execution that waits for a slot, above its flow's limit. Raises `Conflict`."""
        self.portal.call(self.engine.control.unqueue(self._id(id)))
        return Run(self, self._id(id))

    def restart(
        self,
        id: str,
        revision: int | None = None,
        continue_from: int | None = None,
        task: str | None = None,
    ) -> Run:
        """Run again what failed, in the same execution; what ended well stays. Raises `Conflict`."""
        return Run(
            self,
            self.portal.call(
                self.engine.restart(
                    self._id(id), revision=revision, continue_from=continue_from, task=task
                )
            ),
        )

    def replay(
        self,
        id: str,
        task_run: str | None = None,
        inputs: Mapping[str, Json] | None = None,
        revision: int | None = None,
    ) -> Run:
        """Run again as a new execution: from the start, or from a task run (its id, or a task's id)."""
        return Run(
            self,
            self.portal.call(
                self.engine.replay(
                    self._id(id), task_run=task_run, inputs=inputs, revision=revision
                )
            ),
        )

    def change_status(self, id: str, task_run: str | None, state: str) -> None:
        """Give a task run another end state (the flow goes on after it), or the execution if `None`."""
        self.portal.call(self.engine.change_status(self._id(id), task_run, state))

    def set_labels(self, id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels that are no system labels."""
        self.portal.call(self.engine.set_labels(self._id(id), labels))

    def view(self, id: str, variable: str = "") -> RunView:
        """An execution as it is shown; `.bundle()` is its display data."""
        return self.portal.call(self.engine.history.view(self._id(id), variable=variable))

    # -- data ------------------------------------------------------------------------------------

    def sql(self, query: str, connection: Any = None) -> Any:
        """The history and the outputs as SQL: a DuckDB relation in your own connection.

        One SELECT; `outputs('namespace.flow', 'task')` is the table that a task handed on.
        Raises `QueryRefused`.
        """
        import duckdb

        table = self.portal.call(self.engine.store.sql(query))
        return (connection or duckdb).from_arrow(table)

    def kv(self, namespace: str) -> Pairs:
        """The key-value pairs of a namespace."""
        return Pairs(self, namespace)

    def triggers(self) -> list[dict[str, Any]]:
        """Triggers with their next and last date."""
        return self.portal.call(self.engine.store.query("triggers_list"))

    def schedules(self, namespace: str | None = None) -> list[Fires]:
        """When each schedule fires next, the soonest first."""
        from flowbook.engine.schedules import next_fires

        return self.portal.call(next_fires(self.engine.store, self.engine.clock.now(), namespace))

    def schedule(
        self,
        notebook: str | Path,
        cron: str,
        *,
        timezone: str | None = None,
        inputs: Mapping[str, Json] | None = None,
        id: str | None = None,
        namespace: str | None = None,
    ) -> Flow:
        """Write a small flow into `flows/` that runs a notebook at the dates of a cron expression, and
        deploy it. A server (JupyterLab, or `flowbook server`) fires it."""
        return self.portal.call(
            self.engine.schedule(
                notebook, cron, timezone=timezone, inputs=inputs, id=id, namespace=namespace
            )
        )

    def follow(self, since: int | None = None) -> Iterator[Any]:
        """Everything new in the history, commit by commit: `batch.events .changes .records .seq`."""
        follower = self.portal.call(_made(self.engine.store.follow, since))
        try:
            while True:
                yield self.portal.call(follower.__anext__())
        finally:
            self.portal.call(follower.aclose())

    def _id(self, id: str | Run) -> str:
        return id.id if isinstance(id, Run) else self.portal.call(self.engine.history.find(id))


class Run:
    """One execution, as a person holds it: read from the history when it is looked at."""

    def __init__(self, workspace: Workspace, id: str, row: Mapping[str, Any] | None = None) -> None:
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
        return _time(self.row["started_at"])

    @property
    def end(self) -> datetime | None:
        return _time(self.row["ended_at"])

    @property
    def duration(self) -> timedelta | None:
        start, end = self.start, self.end
        return None if start is None or end is None else end - start

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

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until nothing is left to run. Raises `TimeoutError`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"Execution {self.id} is still {self.state} after {timeout} s")
            try:
                self.workspace.portal.call(self.workspace.engine.wait(self.id, left))
            except TimeoutError:
                continue
            return self

    def watch(self, interval: float = 0.1) -> Iterator[RunView]:
        """The execution's view, again whenever something has changed, at most every `interval` seconds;
        the last one is the end."""
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

    def df(self, task: str, name: str | None = None) -> Any:
        """A table that a task handed on, as a pandas DataFrame."""
        return self[task].df(name)

    def eval(self, expression: str, task: str | None = None) -> Json:
        """What an expression gives in this execution, at the place of a task if one is named."""
        return self.workspace.portal.call(
            self.workspace.engine.evaluate(self.id, expression, task=task)
        )

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


class TaskRun:
    """One instance of a task in an execution."""

    def __init__(
        self, run: Run, row: Mapping[str, Any], outputs: Mapping[str, Json] | None
    ) -> None:
        self.run = run
        self.row = row
        self._outputs = outputs
        self.id: str = row["id"]
        self.task_id: str = row["task_id"]
        self.type: str = row["type"]
        self.value: str | None = row["value"]
        self.iteration: int | None = row["iteration"]
        self.parent_id: str | None = row["parent_id"]
        self.state = State(row["state"])
        self.error: dict[str, Json] | None = row["error"]

    def __repr__(self) -> str:
        of = f"={self.value}" if self.value is not None else ""
        return f"<task run {self.task_id}{of}: {self.state}>"

    @property
    def history(self) -> list[tuple[State, datetime]]:
        return [
            (State(step["state"]), datetime.fromisoformat(step["date"]))
            for step in self.row["histories"]
        ]

    @property
    def start(self) -> datetime | None:
        return _time(self.row["started_at"])

    @property
    def end(self) -> datetime | None:
        return _time(self.row["ended_at"])

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """Its attempts: number, state, start, end, error; flowables have none."""
        rows = self.run.workspace.portal.call(
            self.run.workspace.engine.history.attempts(self.run.id)
        )
        return [row for row in rows if row["task_run_id"] == self.id]

    @property
    def outputs(self) -> Outputs:
        """What it handed on; tables, files and notebooks are at hand."""
        return Outputs(self, self._outputs or {})

    def logs(self, level: str | None = None) -> list[dict[str, Any]]:
        return [
            line for line in self.run.logs(level, self.task_id) if line["task_run_id"] == self.id
        ]

    def df(self, name: str | None = None) -> Any:
        """A table among the outputs, as a pandas DataFrame; without a name the only one."""
        from flowbook.engine.tables import is_table

        stored = self._outputs or {}
        tables = [
            key
            for key, value in stored.items()
            if is_table(value)
            or (
                isinstance(value, list)
                and bool(value)
                and all(isinstance(v, Mapping) for v in value)
            )
        ]
        if name is None:
            if len(tables) != 1:
                which = ", ".join(tables) if tables else "no table"
                raise NotFound(
                    f"Task '{self.task_id}' handed on {which}: say which, like df('{(tables or ['name'])[0]}')"
                )
            name = tables[0]
        if name not in stored:
            raise NotFound(
                f"Task '{self.task_id}' has no output '{name}'; it has {', '.join(stored)}"
            )
        value = stored[name]
        import pandas

        if is_table(value):
            return pandas.read_parquet(
                self.run.workspace.engine.storage.path(value["flowbook:table"])
            )
        return pandas.DataFrame(value)

    def path(self, name: str) -> Path:
        """The local file behind an output that is a URI."""
        value = (self._outputs or {}).get(name)
        uri = value.get("flowbook:table") if isinstance(value, Mapping) else value
        if not isinstance(uri, str) or not uri.startswith(("kestra:", "flowbook:")):
            raise NotFound(f"Output '{name}' of task '{self.task_id}' is no file")
        return self.run.workspace.engine.storage.path(uri)


class Outputs(Mapping[str, Any]):
    """The outputs of a task run: a map, and attributes for those whose names allow it."""

    def __init__(self, task_run: TaskRun, values: Mapping[str, Json]) -> None:
        self._task_run = task_run
        self._values = values

    def __getitem__(self, name: str) -> Any:
        from flowbook.engine.tables import is_table, opened

        value = self._values[name]
        if is_table(value):
            return opened(value, self._task_run.run.workspace.engine.storage)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(name)
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._values if name.isidentifier())]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._values)

    def __repr__(self) -> str:
        return repr({name: self[name] for name in self._values})

    def df(self, name: str | None = None) -> Any:
        return self._task_run.df(name)


class Pairs:
    """The key-value pairs of a namespace: `kv["key"]`, `kv["key"] = 5`, `del kv["key"]`."""

    def __init__(self, workspace: Workspace, namespace: str) -> None:
        self._call = workspace.portal.call
        self._pairs = workspace.engine.pairs(namespace)
        self.namespace = namespace

    def __getitem__(self, key: str) -> Json:
        found = self._call(self._pairs.get(key))
        if found is None:
            raise KeyError(f"No value found for key '{key}' in namespace '{self.namespace}'")
        return found["value"]

    def get(self, key: str, default: Json = None) -> Json:
        found = self._call(self._pairs.get(key))
        return default if found is None else found["value"]

    def set(
        self, key: str, value: Json, *, ttl: float | None = None, overwrite: bool = True
    ) -> None:
        """Keep a value; `ttl` in seconds."""
        self._call(self._pairs.set(key, value, seconds=ttl, overwrite=overwrite))

    def __setitem__(self, key: str, value: Json) -> None:
        self.set(key, value)

    def __delitem__(self, key: str) -> None:
        if not self._call(self._pairs.delete(key)):
            raise KeyError(key)

    def keys(self, prefix: str = "") -> list[str]:
        return self._call(self._pairs.keys(prefix))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._call(self._pairs.get(key)) is not None


async def _next(changes: Any) -> None:
    try:
        await anext(changes)
    except StopAsyncIteration:
        raise _Over from None


async def _closed(changes: Any) -> None:
    await changes.aclose()


class _Over(Exception):
    """Nothing more changes; a `StopAsyncIteration` can't travel through a future."""


async def _made(make: Any, *arguments: Any) -> Any:
    return make(*arguments)


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


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _wanted(only: str | Sequence[str] | None) -> list[str] | None:
    return [only] if isinstance(only, str) else None if only is None else list(only)


__all__ = ["FlowbookError", "Outputs", "Pairs", "Run", "TaskRun", "Workspace", "open"]
