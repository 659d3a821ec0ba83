"""`flowbook.jupyter.Notebook`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from flowbook.errors import FlowbookError, TaskFailed
from flowbook.kernels import journal, slots
from flowbook.kernels.run import run as run_notebook
from flowbook.kernels.terms import (
    CellNews,
    MetricNews,
    NotebookError,
    NotebookResult,
    NotebookRun,
    Parking,
)
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration, iso
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example, Written
from flowbook.kinds.task import Level, Output, RunnableTask
from flowbook.plugin import files

from .export import Format, exported
from .found import REMOTE, Found, notebook_at
from .going_on import folder_of, going_on
from .limits import max_output, max_parallel
from .parameters import rendered
from .parking import Clock, drop, kernels, parking

RESERVED = ("notebook", "outputFiles", "export", "cells")


class Cwd(StrEnum):
    """Which folder a notebook runs in."""

    NOTEBOOK = "NOTEBOOK"
    TASK = "TASK"


class KeepKernel(StrEnum):
    """When a kernel is parked, with every variable alive."""

    NEVER = "NEVER"
    ON_FAILURE = "ON_FAILURE"
    ALWAYS = "ALWAYS"


class Source(StrEnum):
    """Which state of the notebook's file is run."""

    LIVE = "live"
    PINNED = "pinned"


class DeclaredOutput(Written):
    """A variable of the kernel that is handed on after the last cell."""

    id: str
    """The output's name."""
    variable: str | None = None
    """The kernel's variable; the id unless said otherwise."""


class Notebook(RunnableTask):
    """Run a notebook with parameters, in a kernel of its own."""

    path: Dynamic[str]
    """The notebook: relative to the flow's folder or the workspace, or `nsfile:///…`, `kestra:///…`."""
    source: Source = Source.LIVE
    """`live`: the file as it is when the attempt starts; `pinned`: as it was when the flow was deployed."""
    parameters: Json = None
    """Values for the cell tagged `parameters`: name → value."""
    kernel: Dynamic[str | None] = None
    """The kernel's name; the notebook's own unless said otherwise."""
    cwd: Cwd = Cwd.NOTEBOOK
    """NOTEBOOK: runs in the notebook's folder; TASK: in the attempt's own working directory."""
    input_files: Json = None
    """Files for the working directory: name → text or storage URI; needs `cwd: TASK`."""
    namespace_files: Json = None
    """Which files of the namespace are put into the working directory; needs `cwd: TASK`."""
    env: Json = None
    """Environment variables of the kernel."""
    outputs: tuple[DeclaredOutput, ...] = ()
    """Variables handed on after the last cell, for notebooks that don't call `fb.outputs`."""
    output_files: Dynamic[tuple[str, ...] | None] = None
    """Globs of files to store; the output `outputFiles` has their URIs."""
    cell_timeout: Dynamic[Duration | None] = None
    """The longest one cell may take."""
    export: tuple[Format, ...] = ()
    """Formats the executed copy is also stored in, failed runs included."""
    keep_kernel: KeepKernel = KeepKernel.ON_FAILURE
    """When the kernel is parked at the end."""
    kernel_ttl: Dynamic[Duration] = timedelta(hours=1)
    """How long a parked kernel is kept."""
    task_runner: Json = None
    """Where it runs; this machine unless said otherwise."""

    @model_validator(mode="after")
    def _fits(self) -> Notebook:
        for name, value in (
            ("inputFiles", self.input_files),
            ("namespaceFiles", self.namespace_files),
        ):
            if value and self.cwd is not Cwd.TASK:
                raise PydanticCustomError("cwd", "'{name}' needs `cwd: TASK`", {"name": name})
        path = str(self.path)
        if self.source is Source.PINNED and ("{" in path or path.startswith(REMOTE)):
            raise PydanticCustomError(
                "pinned", "`source: pinned` needs the plain path of a notebook in the workspace"
            )
        for output in self.outputs:
            if output.id in RESERVED:
                raise PydanticCustomError("reserved", _taken(output.id))
        return self

    async def run(self, context: Context) -> Output:
        warm = kernels(context)
        found = await self._found(context)
        directory = await folder_of(context, warm) or await self._directory(context, found)
        before = await self._files(context, directory)
        limit = await context.render(self.timeout)
        clock = Clock(limit)
        told = _Told(context)
        try:
            task = await going_on(context, await self._asked(context, found, directory))
            task = replace(task, parking=await self._parking(context, task, clock))
            async with slots.taken(context.runtime_folder, max_parallel(context), told.waits):
                result = await run_notebook(task, told.hear, kernels=warm)
        except asyncio.CancelledError:
            outputs = {"notebook": await _kept(context), "cells": told.cells()}
            if limit is not None and clock.is_over():
                where = f" (in cell {told.cell} of {told.total})" if told.cell else ""
                raise TaskFailed(
                    f"Timeout after {iso(limit)}{where}", kind="Timeout", outputs=outputs
                ) from None
            raise
        except FlowbookError as error:
            raise TaskFailed(str(error), kind=type(error).__name__) from error
        for warning in result.warnings:
            context.log(Level.WARN, warning)
        values = await self._values(context, result, directory, before)
        if result.error is not None:
            raise _failed(result.error, values)
        if context.attempt > 1 and self.keep_kernel is not KeepKernel.ALWAYS:
            await drop(context, warm)
        return Output(values=values)

    async def _parking(self, context: Context, task: NotebookRun, clock: Clock) -> Parking | None:
        if self.keep_kernel is KeepKernel.NEVER:
            return None
        return parking(
            context,
            always=self.keep_kernel is KeepKernel.ALWAYS,
            ttl=await context.render(self.kernel_ttl),
            directory=task.cwd,
            notebook=task.source or task.notebook.name,
            is_timeout=clock.is_over,
        )

    async def _found(self, context: Context) -> Found:
        if self.source is Source.PINNED:
            from .pinned import pinned

            return await pinned(context, str(self.path))
        return await notebook_at(context, await context.render(self.path))

    async def _directory(self, context: Context, found: Found) -> Path:
        if self.cwd is Cwd.NOTEBOOK and not found.is_stored:
            return found.folder or found.path.parent
        directory = context.directory
        if self.namespace_files:
            await files.put_namespace_files(context, self.namespace_files, directory)
        if self.input_files is not None:
            await files.put_files(context, self.input_files, directory, {})
        return directory

    async def _asked(self, context: Context, found: Found, directory: Path) -> NotebookRun:
        limit = await context.render(self.cell_timeout)
        parameters = await rendered(context, self.parameters)
        variables = context.variables
        labels = variables.get("labels")
        extra = await files.text_map(context, self.env, {}) if self.env is not None else {}
        inputs = variables.get("inputs")
        return NotebookRun(
            notebook=found.path,
            out_dir=context.run_folder,
            cwd=directory,
            env=context.environment(extra),
            parameters=parameters,
            kernel=await context.render(self.kernel),
            cell_timeout=limit.total_seconds() if limit is not None else None,
            max_output=max_output(context),
            secrets=context.secrets,
            outputs=[(output.id, output.variable or output.id) for output in self.outputs],
            reserved=RESERVED,
            inputs=dict(inputs) if isinstance(inputs, Mapping) else {},
            execution={
                "id": context.execution_id,
                "flow": context.flow_id,
                "namespace": context.namespace,
                "task": context.task_id,
                "attempt": context.attempt,
                "labels": dict(labels) if isinstance(labels, Mapping) else {},
            },
            meta={
                "execution": context.execution_id,
                "taskRun": context.task_run_id,
                "attempt": context.attempt,
            },
            source=found.shown,
        )

    async def _files(self, context: Context, directory: Path) -> Mapping[str, tuple[int, int]]:
        """The files that `outputFiles` names as they are before the first cell."""
        patterns = await context.render(self.output_files)
        return await asyncio.to_thread(_states, directory, patterns or ())

    async def _values(
        self,
        context: Context,
        result: NotebookResult,
        directory: Path,
        before: Mapping[str, tuple[int, int]],
    ) -> dict[str, Json]:
        values: dict[str, Json] = {}
        for name, handed in result.outputs.items():
            if name in RESERVED:
                raise TaskFailed(_taken(name))
            if handed.path is None:
                values[name] = handed.value
            elif handed.kind == "table":
                values[name] = await context.put_table(handed.path, name, as_list=handed.is_list)
            else:
                values[name] = await context.put(handed.path, handed.name or name)
        values["notebook"] = await _stored(context, result.executed)
        patterns = await context.render(self.output_files)
        after = await asyncio.to_thread(_states, directory, patterns or ())
        changed = [name for name, state in after.items() if before.get(name) != state]
        values["outputFiles"] = await files.store_files(context, directory, changed)
        if self.export:
            values["export"] = await exported(context, result.executed, self.export)
        values["cells"] = dict(result.cells)
        return values


class _Told:
    """Passes on what a notebook tells, as records and progress."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cell = 0
        self.total = 0
        self.states: dict[int, str] = {}

    def hear(self, news: CellNews | MetricNews) -> None:
        if isinstance(news, MetricNews):
            self.context.metric(news.name, news.value, "counter", **dict(news.tags))
            return
        self.total = news.total
        self.states[news.cell] = news.state
        self.context.cell(_row(news))
        if news.state == "RUNNING":
            self.cell = news.cell
            done = sum(state in ("DONE", "SKIPPED", "COPIED") for state in self.states.values())
            text = f"cell {news.cell} of {news.total}" + (f": {news.note}" if news.note else "")
            self.context.progress((done + (news.progress or 0)) / news.total, text)

    def waits(self) -> None:
        self.context.progress(None, "waits for another notebook to end")

    def cells(self) -> dict[str, int]:
        states = list(self.states.values())
        done = states.count("DONE") + states.count("COPIED")
        failed = states.count("FAILED") + states.count("STOPPED")
        return {"total": self.total, "done": done, "failed": failed}


def _row(news: CellNews) -> dict[str, Any]:
    return {
        "cell": news.cell,
        "cell_id": news.id,
        "state": news.state,
        "started_at": news.started.isoformat() if news.started else None,
        "ended_at": news.ended.isoformat() if news.ended else None,
        "outputs": news.outputs,
        "text": news.text,
        "error": dict(news.error) if news.error else None,
    }


def _taken(name: str) -> str:
    return f"'{name}' is a name flowbook uses for the outputs of a notebook: choose another"


def _failed(error: NotebookError, outputs: Mapping[str, Json]) -> TaskFailed:
    detail: dict[str, Json] = {"cell": error.cell, "line": error.line, "excerpt": error.excerpt}
    return TaskFailed(
        error.message,
        kind=error.kind,
        outputs=outputs,
        traceback=error.traceback or None,
        detail={name: value for name, value in detail.items() if value},
    )


async def _kept(context: Context) -> str | None:
    """The URI of the executed copy of a run that was stopped, as far as it came."""
    try:
        copy, _ = await asyncio.to_thread(journal.seal, context.run_folder)
    except (FileNotFoundError, FlowbookError):
        return None  # stopped before it began
    return await _stored(context, copy)


async def _stored(context: Context, copy: Path) -> str:
    return await context.put(copy, journal.name_of_attempt(copy.name, context.attempt))


def _states(directory: Path, patterns: Sequence[str]) -> dict[str, tuple[int, int]]:
    found = {}
    for name in files.matching(directory, patterns):
        info = (directory / name).stat()
        found[name] = (info.st_mtime_ns, info.st_size)
    return found


TRAIN = """{
 "cells": [
  {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "execution_count": null, "outputs": [],
   "source": "alpha = 1.0"},
  {"cell_type": "code", "metadata": {}, "execution_count": null, "outputs": [],
   "source": "import flowbook as fb\\nfb.outputs(auc=alpha * 2)"}
 ],
 "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
 "nbformat": 4, "nbformat_minor": 4
}"""
SUM = Example(
    title="Run a notebook with parameters and use what it hands on",
    files={"train.ipynb": TRAIN},
    logs=("auc 1.0, copy at kestra:///",),
    flow="""
id: train-then-use
namespace: demo
inputs:
  - {id: alpha, type: FLOAT, defaults: 0.5}
tasks:
  - id: train
    type: flowbook.jupyter.Notebook
    path: train.ipynb
    parameters:
      alpha: "{{ inputs.alpha }}"
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "auc {{ outputs.train.auc }}, copy at {{ outputs.train.notebook }}"
""",
)
