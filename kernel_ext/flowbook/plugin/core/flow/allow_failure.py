"""`core.flow.AllowFailure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import is_off


class AllowFailure(FlowableTask):
    """Run tasks one after another and go on even if one fails: the block ends WARNING then."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.AllowFailure",)

    tasks: tuple[AnyTask, ...]
    """The tasks, in their order; the first failure ends the block."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks), detached=is_off(self.wait))

    def settle(self, state: State) -> State:
        return State.WARNING if state is State.FAILED else state


GO_ON = Example(
    title="Go on after a failure",
    state="WARNING",
    logs=("still here",),
    flow="""
id: go-on
namespace: demo
tasks:
  - id: risky
    type: io.kestra.plugin.core.flow.AllowFailure
    tasks:
      - {id: broken, type: io.kestra.plugin.core.execution.Fail, errorMessage: no luck today}
  - {id: after, type: io.kestra.plugin.core.log.Log, message: still here}
""",
)
