"""`core.flow.ForEach`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, side_by_side
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import iterate, question, width


class ForEach(FlowableTask):
    """Run the same tasks once for every value of a list; inside, `taskrun.value` is the value."""

    values: Dynamic[Json]
    """A list, or a text that renders to a JSON list; of a map each entry is a value. Repeated values count once."""
    concurrency_limit: Dynamic[int] = 1
    """How many values are worked on at once; 0 = all."""
    tasks: tuple[AnyTask, ...]
    """The tasks, one after another for each value."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def asks(self) -> Mapping[str, Json]:
        limit = self.concurrency_limit if self.max_parallel is None else question(self.max_parallel)
        return {"values": self.values, "concurrencyLimit": limit}

    def plan(self, answers: Answers) -> Plan:
        limit = width(answers, "concurrencyLimit")
        return iterate(self, answers, "values", self.tasks, limit)

    def errors_plan(self) -> Plan:
        if self.concurrency_limit == 1:
            return super().errors_plan()
        return side_by_side(enabled(self.errors), None)


CITIES = Example(
    title="Greet several cities",
    logs=("Hello Oslo", "Hello Lima"),
    outputs={"greet": {"Oslo": {"value": "Hello Oslo"}}},
    flow="""
id: greet-cities
namespace: demo
tasks:
  - id: cities
    type: io.kestra.plugin.core.flow.ForEach
    values: ["Oslo", "Lima", "Oslo"]
    concurrencyLimit: 0
    tasks:
      - {id: greet, type: io.kestra.plugin.core.debug.Return, format: "Hello {{ taskrun.value }}"}
      - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.greet[taskrun.value].value }}"}
""",
)
