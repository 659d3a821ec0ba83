"""`core.flow.Sequential`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import is_off


class Sequential(FlowableTask):
    """Run tasks one after another."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.Sequential",)

    tasks: tuple[AnyTask, ...]
    """The tasks, in their order."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks), detached=is_off(self.wait))


STEPS = Example(
    title="Two steps as one group",
    logs=("one", "two"),
    flow="""
id: two-steps
namespace: demo
tasks:
  - id: steps
    type: io.kestra.plugin.core.flow.Sequential
    tasks:
      - {id: first, type: io.kestra.plugin.core.log.Log, message: one}
      - {id: second, type: io.kestra.plugin.core.log.Log, message: two}
""",
)
