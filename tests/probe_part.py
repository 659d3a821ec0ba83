"""`Probe`: a task whose outcome a test decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration, parse_duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Output, RunnableTask

SCRIPT: dict[str, list[str]] = defaultdict(list)
"""Task id → outcomes of its attempts to come: `succeed`, `fail`, `warn`, `5s fail` …"""
SEEN: list[tuple[float, str, str | None, int, str]] = []
"""(second, task, value, attempt, outcome) as they ended."""


class Probe(RunnableTask):
    """Succeeds, unless the test's script says otherwise; hands on `outputs`."""

    aliases: ClassVar[tuple[str, ...]] = ()

    takes: Duration | None = None
    """How long an attempt takes, on the test's clock."""
    outputs: Dynamic[Mapping[str, Json] | None] = None
    """What it hands on."""

    async def run(self, context: Context) -> Output:
        script = SCRIPT[self.id]
        *took, outcome = (script.pop(0) if script else "succeed").split()
        length = parse_duration(took[0]) if took else self.takes
        if length is not None:
            await context.sleep(length.total_seconds())
        values = await context.render(self.outputs) or {}
        if outcome == "fail":
            raise TaskFailed("probe failed", outputs=values or None)
        return Output(values=values, state=State.WARNING if outcome == "warn" else None)
