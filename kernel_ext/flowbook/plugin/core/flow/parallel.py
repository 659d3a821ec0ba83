"""`core.flow.Parallel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, side_by_side
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import is_off, question, width


class Parallel(FlowableTask):
    """Run tasks side by side."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.Parallel",)

    tasks: tuple[AnyTask, ...]
    """The tasks; none waits for another."""
    concurrent: Dynamic[int] = 0
    """How many run at once; 0 = all."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def asks(self) -> Mapping[str, Json]:
        return {
            "concurrent": self.concurrent
            if self.max_parallel is None
            else question(self.max_parallel)
        }

    def plan(self, answers: Answers) -> Plan:
        at_once = width(answers, "concurrent")
        return side_by_side(enabled(self.tasks), at_once, detached=is_off(self.wait))

    def errors_plan(self) -> Plan:
        at_once = self.concurrent if isinstance(self.concurrent, int) else None
        return side_by_side(enabled(self.errors), at_once)


TWO_AT_ONCE = Example(
    title="Three tasks, two at a time",
    logs=("north", "south", "west"),
    flow="""
id: two-at-once
namespace: demo
tasks:
  - id: regions
    type: io.kestra.plugin.core.flow.Parallel
    concurrent: 2
    tasks:
      - {id: north, type: io.kestra.plugin.core.log.Log, message: north}
      - {id: south, type: io.kestra.plugin.core.log.Log, message: south}
      - {id: west, type: io.kestra.plugin.core.log.Log, message: west}
""",
)
