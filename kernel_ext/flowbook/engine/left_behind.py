"""What a lost host left of the attempts it ran: their processes ended, a notebook's copy kept.

Theory of operation: the folder of an attempt outlives a host that is killed. Its name says whose it is,
and it is in the environment of everything the attempt started, so what still runs is found by it.
The journal in it holds the notebook as far as it came; nobody writes to it any more.
"""

from __future__ import annotations

import asyncio
import glob
import logging
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError
from flowbook.executions.model import Execution, TaskRun
from flowbook.kinds.dynamic import Json

if TYPE_CHECKING:
    from .workspace import Workspace

_log = logging.getLogger(__name__)
OVER = ("DONE", "FAILED", "SKIPPED", "COPIED", "STOPPED")
"""States of cells that nothing follows."""


async def taken_in(workspace: Workspace, execution: Execution) -> Mapping[str, Mapping[str, Json]]:
    """The outputs that lost attempts left, by task run; whatever they started has ended."""
    found: dict[str, Mapping[str, Json]] = {}
    for run in execution.task_runs.values():
        attempt = run.attempt
        if attempt is None or attempt.end is not None:
            continue
        for folder in _folders(workspace, run):
            try:
                outputs, cells = await asyncio.to_thread(_kept, workspace, execution, run, folder)
            except (OSError, FlowbookError, ValueError, KeyError) as error:
                _log.warning("%s is left as it is: %s", folder, error)
                continue
            if outputs:
                found[run.id] = outputs
                await _tell_cells(workspace, execution, run, cells)
    return found


def _folders(workspace: Workspace, run: TaskRun) -> list[Path]:
    base = workspace.place.runtime / "runs"
    return sorted(base.glob(f"{glob.escape(run.id)}-{len(run.attempts)}-*"))


def _kept(
    workspace: Workspace, execution: Execution, run: TaskRun, folder: Path
) -> tuple[Mapping[str, Json], list[dict[str, Any]]]:
    """The outputs of an attempt, and its cells as they were left."""
    from flowbook.kernels import journal, strays

    strays.end_marked(str(folder))
    outputs: dict[str, Json] = {}
    rows: list[dict[str, Any]] = []
    with suppress(FileNotFoundError):
        copy, cells = journal.seal(folder)
        prefix = workspace.storage.task_prefix(
            execution.flow.namespace, execution.flow.id, execution.id, run.task_id, run.id
        )
        name = journal.name_of_attempt(copy.name, len(run.attempts))
        outputs |= {
            "notebook": workspace.storage.put(prefix, name, source=copy),
            "cells": dict(cells),
        }
        rows = journal.rows(copy)
    shutil.rmtree(folder, ignore_errors=True)
    return outputs, rows


async def _tell_cells(
    workspace: Workspace, execution: Execution, run: TaskRun, cells: list[dict[str, Any]]
) -> None:
    """What the lost host had no time to say of its cells: one was running, the last ones not yet told."""
    number = len(run.attempts)
    known = {
        row["cell"]: row
        for row in await workspace.store.query(
            "cells_of", execution_id=execution.id, task_run_id=run.id
        )
        if row["attempt"] == number
    }
    for cell in cells:
        before = known.get(cell["cell"])
        if before is not None and (before["state"] in OVER or before["state"] == cell["state"]):
            continue
        workspace.records.add(
            {
                "table": "cells",
                "execution_id": execution.id,
                "task_run_id": run.id,
                "task_id": run.task_id,
                "namespace": execution.flow.namespace,
                "flow_id": execution.flow.id,
                "attempt": number,
                **cell,
                "text": before["text"] if before is not None else None,
            }
        )
