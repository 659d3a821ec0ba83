"""Why a task ran, or didn't: the execution as its events tell it, handed to the view."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from flowbook.errors import NotFound
from flowbook.kinds.state import State
from flowbook.views.why import Told, runs_of, why

from .closing import opened

if TYPE_CHECKING:
    from flowbook.executions.model import TaskRun

    from .workspace import Workspace

ASKED = "runIf"


async def explained(workspace: Workspace, execution_id: str, which: str) -> str:
    """One paragraph about a task (its newest task run) or a task run. Raises `NotFound`."""
    driver = workspace.drivers.get(execution_id) or await workspace.adoption.read(execution_id)
    execution = driver.execution
    task, run = runs_of(execution, which)
    if task is None:
        known = [str(each.id) for each in execution.flow.all_tasks()]
        close = get_close_matches(which, known, 1)
        hint = f": did you mean '{close[0]}'?" if close else f"; it has {', '.join(known)}"
        raise NotFound(f"Flow '{execution.flow.uid}' has no task '{which}'{hint}")
    answers: dict[str, dict[str, Any]] = {}
    killed_by = None
    for row in await workspace.store.execution(execution_id):
        payload = row["payload"]
        if row["kind"] == "answered" and payload.get("question") == ASKED:
            payload = opened(workspace.key, payload, driver.closing.remember)
            answers[payload["task_run"]] = dict(payload["answers"])
        elif row["kind"] == "kill_requested":
            killed_by = str(payload.get("by") or "")
    told = Told(
        answers=answers,
        killed_by=killed_by,
        says=await _says(workspace, execution_id, run),
        masked=driver.closing.masked,
    )
    return why(execution, task, run, told)


async def _says(workspace: Workspace, execution_id: str, run: TaskRun | None) -> str:
    """The text of a running task run's progress: what it waits for, how far it is."""
    if run is None or run.state is not State.RUNNING:
        return ""
    rows = await workspace.history.task_runs(execution_id)
    row = next((row for row in rows if row["id"] == run.id), None)
    return str(((row or {}).get("progress") or {}).get("text") or "")
