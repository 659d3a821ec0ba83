"""An attempt that goes on with an earlier one: its copy, with edits, in its parked kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from flowbook.errors import TaskFailed
from flowbook.kernels import continued
from flowbook.kernels.notebook import load, write
from flowbook.kernels.terms import Continues, NotebookRun
from flowbook.kernels.warm import Warm
from flowbook.kinds.context import Context, Continued
from flowbook.kinds.task import Level


async def folder_of(context: Context, warm: Warm) -> Path | None:
    """The folder that the kernel to go on with runs in; `None` if there is none."""
    if context.continues is None:
        return None
    said = await warm.parked(context.task_run_id)
    if said is None or "parked" not in said:
        return None
    return Path(said["parked"]["cwd"])


async def going_on(context: Context, task: NotebookRun) -> NotebookRun:
    """The run of a notebook as one that goes on. Raises `TaskFailed`."""
    continues = context.continues
    if continues is None:
        return task
    if continues.notebook is None:
        raise TaskFailed(f"Attempt {continues.attempt} left no executed copy to go on with")
    copy = await context.fetch(continues.notebook)
    name = PurePosixPath(task.source or copy.name).name
    path = context.run_folder / "continued" / name
    await asyncio.to_thread(_edited, copy, continues, path)
    return replace(
        task,
        notebook=path,
        meta={**task.meta, "continues": continues.attempt},
        continues=Continues(
            cell=continues.cell,
            key=context.task_run_id,
            resumed=lambda release: _resumed(context, continues, release),
        ),
    )


def _edited(copy: Path, continues: Continued, path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write(continued.edited(load(copy).document, continues.edits), path)


def _resumed(context: Context, continues: Continued, release: Callable[[], None] | None) -> None:
    if release is not None:
        context.at_end(release)
        context.log(
            Level.INFO,
            f"Goes on at cell {continues.cell} in the kernel of attempt {continues.attempt}",
        )
    elif continues.cell > 1:
        again = f"cells 1 to {continues.cell - 1} are" if continues.cell > 2 else "cell 1 is"
        context.log(Level.WARN, f"The parked kernel is gone: {again} run again")
