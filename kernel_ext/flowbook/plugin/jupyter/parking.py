"""What becomes of a notebook's kernel at the end: ended, or parked with its variables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flowbook.elected import Seat
from flowbook.kernels.parked import GONE
from flowbook.kernels.terms import Parking
from flowbook.kernels.warm import Warm
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Level

from .limits import max_memory, max_parked


def kernels(context: Context) -> Warm:
    """Kernels by the keeper; forked, unless the host's environment asks for stock ones by
    `FLOWBOOK_KERNELS=stock`."""
    fork = os.environ.get("FLOWBOOK_KERNELS", "").lower() != "stock"
    return Warm(Seat(context.runtime_folder, "kernels"), fork=fork)


def parking(
    context: Context,
    *,
    always: bool,
    ttl: timedelta,
    directory: Path,
    notebook: str,
    is_timeout: Callable[[], bool],
) -> Parking | None:
    """When and how the attempt's kernel is parked. Raises `TaskFailed` for limits that are none."""
    count, size = max_parked(context), max_memory(context)
    if not count or not size or ttl <= timedelta():
        return None
    about = {
        "execution": context.execution_id,
        "taskRun": context.task_run_id,
        "task": context.task_id,
        "attempt": context.attempt,
        "namespace": context.namespace,
        "flow": context.flow_id,
        "notebook": notebook,
        "cwd": str(directory),
    }
    return Parking(
        always=always,
        order={
            "key": context.task_run_id,
            "ttl": ttl.total_seconds(),
            "count": count,
            "bytes": size,
            "about": about,
        },
        is_timeout=is_timeout,
        folders=lambda: [str(folder) for folder in context.folders],
        told=lambda answer, release: _told(context, answer, release),
    )


def _told(context: Context, answer: Mapping[str, Json] | None, release: Callable[[], None]) -> None:
    """Say in the log what became of this kernel, and of those that made room for it."""
    if answer is None:
        context.log(Level.WARN, "The kernel could not be parked: its variables are gone")
        return
    context.leave_folders()
    context.at_end(release)
    row = answer["parked"]
    if answer["kept"]:
        until = datetime.fromisoformat(row["until"]).astimezone()
        where = f"flowbook executions attach {context.execution_id} {context.task_id}"
        context.log(
            Level.INFO, f"The kernel is parked until {until:%H:%M} with its variables: {where}"
        )
    for one in answer["ended"]:
        _note(context, one)


def _note(context: Context, gone: Mapping[str, Any]) -> None:
    """Say in an execution's history that its parked kernel had to go."""
    context.engine.records.add(
        {
            "table": "logs",
            "execution_id": gone["execution"],
            "task_run_id": gone["taskRun"],
            "task_id": gone["task"],
            "attempt": gone["attempt"],
            "namespace": gone["namespace"],
            "flow_id": gone["flow"],
            "ts": datetime.now(UTC).isoformat(),
            "level": Level.WARN.value,
            "message": f"The parked kernel was ended: {GONE[gone['reason']]}",
        }
    )


async def drop(context: Context, warm: Warm) -> None:
    """End what an earlier attempt parked: the task run has ended well without it."""
    said = await warm.parked(context.task_run_id)
    if said is not None and "parked" in said:
        await warm.end_parked([said["parked"]["id"]])


class Clock:
    """Whether the task's own time limit is over."""

    def __init__(self, limit: timedelta | None) -> None:
        self._limit = limit
        self._started = asyncio.get_running_loop().time()

    def is_over(self) -> bool:
        took = asyncio.get_running_loop().time() - self._started
        return self._limit is not None and took >= self._limit.total_seconds()
