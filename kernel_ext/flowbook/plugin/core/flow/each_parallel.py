"""`core.flow.EachParallel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, side_by_side
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import iterate, question, width


class EachParallel(FlowableTask):
    """Run the same tasks once for every value of a list, all side by side. `ForEach` does more."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.EachParallel",)

    value: Dynamic[Json]
    """A list, or a text that renders to a JSON list."""
    concurrent: Dynamic[int] = 0
    """How many tasks run at once; 0 = all."""
    tasks: tuple[AnyTask, ...]
    """The tasks; those of one value run side by side too, unless one of them has `dependsOn`."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def asks(self) -> Mapping[str, Json]:
        at_once = self.concurrent if self.max_parallel is None else question(self.max_parallel)
        return {"value": self.value, "concurrent": at_once}

    def plan(self, answers: Answers) -> Plan:
        limit = width(answers, "concurrent")
        ordered = any(task.depends_on for task in self.tasks) or (
            answers.dialect == "seed" and any("{{" in str(task.id) for task in self.tasks)
        )
        return iterate(self, answers, "value", self.tasks, limit, split=not ordered)

    def errors_plan(self) -> Plan:
        return side_by_side(enabled(self.errors), None)


ALL_AT_ONCE = Example(
    title="All values at once",
    logs=("a", "b"),
    flow="""
id: all-at-once
namespace: demo
tasks:
  - id: letters
    type: io.kestra.plugin.core.flow.EachParallel
    value: ["a", "b"]
    tasks:
      - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ taskrun.value }}"}
""",
)
