"""How many attempts run at once on this machine, by kind of task; the rest waits its turn."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from flowbook.kinds.task import Task
from flowbook.views.words import plural

WORDS = {"process": "script", "notebook": "notebook"}


class Slots:
    """Limits of the host: light tasks are many, processes and notebooks few."""

    def __init__(self) -> None:
        cores = os.cpu_count() or 2
        self._light = _Free()
        self._sizes = {"process": max(4, 2 * cores), "notebook": cores}
        self._limits = {name: asyncio.Semaphore(size) for name, size in self._sizes.items()}

    def of(self, task: Task) -> Any:
        """What an attempt of the task holds while it runs."""
        return self._limits.get(weight(task), self._light)

    def full(self, task: Task) -> str | None:
        """What an attempt of the task would wait for now."""
        kind = weight(task)
        limit = self._limits.get(kind)
        if limit is None or not limit.locked():
            return None
        return (
            f"waits for its turn: this host runs {plural(self._sizes[kind], WORDS[kind])} at once"
        )


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
