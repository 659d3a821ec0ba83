"""How many attempts run at once on this machine, by kind of task; the rest waits its turn."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from flowbook.kinds.task import Task


class Slots:
    """Limits of the host: light tasks are many, processes and notebooks few."""

    def __init__(self) -> None:
        cores = os.cpu_count() or 2
        self._light = _Free()
        self._limits = {
            "process": asyncio.Semaphore(max(4, 2 * cores)),
            "notebook": asyncio.Semaphore(cores),
        }

    def of(self, task: Task) -> Any:
        """What an attempt of the task holds while it runs."""
        return self._limits.get(weight(task), self._light)


def weight(task: Task) -> str:
    """`notebook`, `process` or `light`."""
    if task.type.startswith("flowbook.jupyter."):
        return "notebook"
    if ".scripts." in task.type:
        return "process"
    return "light"


class _Free:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...
