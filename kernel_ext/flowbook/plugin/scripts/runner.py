"""Where a script runs: the task runner a task names, as far as this machine has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.durations import parse_duration
from flowbook.kinds.dynamic import Json

if TYPE_CHECKING:
    from .family import ScriptTask

SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*$", re.IGNORECASE)
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What a task runner asks of the process."""

    memory: int | None = None
    """Bytes of address space."""
    grace: float | None = None
    """Seconds between SIGTERM and SIGKILL."""


async def chosen_runner(task: ScriptTask, context: Context) -> Runner:
    """The runner a task names. Raises `TaskFailed` if this machine can't offer it."""
    given = await context.render_json(task.task_runner)
    if isinstance(given, Mapping) and set(given) == {"taskRunner"}:
        given = given["taskRunner"]
    if given is None:
        wants_docker = task.docker is not None or str(task.runner).upper() == "DOCKER"
        given = {"type": "docker.Docker" if wants_docker else "Process"}
    if not isinstance(given, Mapping):
        raise TaskFailed(f"'taskRunner' must be a map with `type`, but is '{given}'")
    name = str(given.get("type") or "Process")
    match name.rpartition(".")[2].lower():
        case "process":
            if given.get("image"):
                context.log("INFO", "`image` is left alone: the script runs as a local process")
        case "docker":
            context.log("WARN", "Containers are not run yet: the script runs as a local process")
        case _:
            raise TaskFailed(
                f"No task runner '{name}' here: use io.kestra.plugin.core.runner.Process"
            )
    grace = given.get("killGracePeriod")
    return Runner(
        memory=bytes_of(given.get("memory")),
        grace=None if grace is None else parse_duration(grace).total_seconds(),
    )


def bytes_of(size: Json) -> int | None:
    if isinstance(size, Mapping):
        size = size.get("memory")
    if size is None:
        return None
    if found := SIZE.match(str(size)):
        base = 1024 if found[3] else 1000
        return int(float(found[1]) * base ** POWERS[found[2].lower()])
    raise TaskFailed(f"'{size}' is not a size: write it like 512Mi or 2G")
