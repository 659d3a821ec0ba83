"""Where cells and calls run: in the kernel of whoever waits for the execution, else in a fresh one."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from flowbook.errors import TaskFailed
from flowbook.kernels.fresh import FreshKernel
from flowbook.kernels.pieces import ENDED, CodeError, Piece, Place
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Level, Output
from flowbook.plugin.scripts import channel

from .parking import kernels

CELL = "flowbook.jupyter.Cell"


def is_here(context: Context) -> bool:
    """Whether somebody waits for the execution in their own kernel."""
    return _here(context) is not None


def _here(context: Context) -> Place | None:
    """The kernel of whoever waits for the execution, or for the one that it tries again."""
    first = context.engine.drivers[context.execution_id].execution.original_id
    place: Place | None = context.engine.code_places.get((first, "python"))
    return None if isinstance(place, FreshKernel) else place


async def carried_out(context: Context, piece: Piece, language: str = "python") -> Output:
    """Run a piece where the others of the execution run; what it handed on. Raises `TaskFailed`."""
    place = _place(context, piece, language)
    with channel.opened(context, reserved=()):
        error = await place.run(piece, lambda stream, text: _log(context, stream, text))
    values = await channel.handed_out(context)
    if error is not None:
        raise _failed(error, values)
    return Output(values=values)


def _failed(error: CodeError, values: Mapping[str, Json]) -> TaskFailed:
    return TaskFailed(
        error.message,
        kind=error.kind,
        outputs=values,
        traceback=error.traceback or None,
        detail={"line": error.line} if error.line else {},
    )


def _place(context: Context, piece: Piece, language: str) -> Place:
    if language == "python" and (here := _here(context)) is not None:
        return here
    places: dict[tuple[str, str], FreshKernel] = context.engine.code_places
    key = (context.execution_id, language)
    held = places.get(key)
    if held is None:
        if piece.is_cell:
            _refuse_lost(context, language)
        held = places[key] = _fresh(context, language)
        context.engine.spawn(_end(context, key, held))
    held.secrets = context.secrets
    return held


def _refuse_lost(context: Context, language: str) -> None:
    """Raises `TaskFailed` if cells of the execution have run in a kernel that has ended since."""
    execution = context.engine.drivers[context.execution_id].execution
    for run in execution.task_runs.values():
        if run.type == CELL and run.attempts and run.id != context.task_run_id:
            if getattr(execution.task(run), "language", "") == language:
                raise TaskFailed(
                    f"'{context.task_id}' can't go on after '{run.task_id}': {ENDED}. "
                    "Run the flow again from its start"
                )


def _fresh(context: Context, language: str) -> FreshKernel:
    base = context.runtime_folder / "runs"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FreshKernel(
        kernels(context),
        language,
        cwd=_folder(context),
        env=context.environment(),
        folder=Path(tempfile.mkdtemp(prefix=f"{context.execution_id}-", dir=base)),
    )


def _folder(context: Context) -> Path:
    """The folder of the flow's notebook or file; for flows kept in `flows/` the workspace's root."""
    folder, root = context.flow_folder.resolve(), context.workspace_root
    return root if folder.is_relative_to(context.engine.place.flows.resolve()) else folder


async def _end(context: Context, key: tuple[str, str], place: FreshKernel) -> None:
    """End a fresh kernel with its execution."""
    try:
        await context.engine.drivers[context.execution_id].over.wait()
    finally:
        context.engine.code_places.pop(key, None)
        await place.close()
        await asyncio.to_thread(shutil.rmtree, place.folder, ignore_errors=True)


def _log(context: Context, stream: str, text: str) -> None:
    level = Level.WARN if stream == "stderr" else Level.INFO
    for line in text.splitlines():
        if line.strip():
            context.log(level, line)
