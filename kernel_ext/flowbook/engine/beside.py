"""What the engine does for flowables beside their tasks: their first and last work, the directory
that their tasks share."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flowbook.executions.endings import CLOSING, lanes
from flowbook.executions.model import ROOT, TaskRun
from flowbook.kinds.change import Change
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Done, ExecutableTask, FlowableTask

from . import rendering

if TYPE_CHECKING:
    from .drive import Driver


async def answered(
    driver: Driver, run: TaskRun, question: str, answers: dict[str, Json]
) -> dict[str, Json]:
    """The answers of a flowable with what its first or last work adds. Raises whatever that raises."""
    task = driver.execution.task(run)
    given: Mapping[str, Json] = {}
    if isinstance(task, ExecutableTask) and task.opens and question == "children":
        given = await _work(driver, run, lambda context: task.opening(context, answers))
        return {**answers, **given}
    if not isinstance(task, FlowableTask):
        return answers
    if question == "plan" and task.opens:
        given = await _work(driver, run, lambda context: task.opening(context, answers))
    elif question.startswith(CLOSING):
        done = Done(
            state=State(question.removeprefix(CLOSING)),
            answers=run.answers or {},
            lanes=lanes(driver.execution.task_runs.__getitem__, run.stand) if run.stand else (),
            inside=rendering.plain(driver.execution.kept.get(run.id, {})),
        )
        given = await _work(driver, run, lambda context: task.closing(context, done))
    return {**answers, **given}


async def _work(driver: Driver, run: TaskRun, work: object) -> Mapping[str, Json]:
    from .context import AttemptContext

    task = driver.execution.task(run)
    context = AttemptContext(driver, run, task, len(run.attempts))
    try:
        return rendering.plain(await work(context))  # type: ignore[operator,no-any-return]  # a function
    finally:
        context.close()


def shared_directory(driver: Driver, run: TaskRun) -> Path | None:
    """The directory that a task run shares with those beside it; made when it is first asked for.

    Its path follows from the task run around them, so a host that goes on with the execution finds it.
    """
    owner = run if _shares(driver, run) else None
    if owner is None and run.parent != ROOT:
        above = driver.execution.task_runs[run.parent]
        owner = above if _shares(driver, above) else None
    if owner is None:
        return None
    if owner.id not in driver.directories:
        path = driver.workspace.place.runtime / "directories" / owner.id
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        driver.directories[owner.id] = path
    return driver.directories[owner.id]


def _shares(driver: Driver, run: TaskRun) -> bool:
    task = driver.execution.task(run)
    return isinstance(task, FlowableTask) and task.shares_directory


def tidy(driver: Driver, moved: Iterable[Change]) -> None:
    """Remove the shared directories of task runs that have ended."""
    for change in moved:
        if change.table != "task_runs" or change.key[0] not in driver.directories:
            continue
        run = driver.execution.task_runs.get(str(change.key[0]))
        if run is None or run.state.is_terminal:
            shutil.rmtree(driver.directories.pop(str(change.key[0])), ignore_errors=True)
