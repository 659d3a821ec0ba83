"""`core.flow.EachSequential`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import iterate


class EachSequential(FlowableTask):
    """Run the same tasks once for every value of a list, one value after another. `ForEach` does more."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.EachSequential",)

    value: Dynamic[Json]
    """A list, or a text that renders to a JSON list."""
    tasks: tuple[AnyTask, ...]
    """The tasks, one after another for each value."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def asks(self) -> Mapping[str, Json]:
        return {"value": self.value}

    def plan(self, answers: Answers) -> Plan:
        return iterate(self, answers, "value", self.tasks, 1)


IN_TURN = Example(
    title="One value after another",
    logs=("1", "2"),
    flow="""
id: in-turn
namespace: demo
tasks:
  - id: numbers
    type: io.kestra.plugin.core.flow.EachSequential
    value: "[1, 2]"
    tasks:
      - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ taskrun.value }}"}
""",
)
