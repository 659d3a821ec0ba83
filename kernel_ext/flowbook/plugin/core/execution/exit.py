"""`core.execution.Exit`."""

from __future__ import annotations

from collections.abc import Mapping

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.state import State
from flowbook.kinds.task import Update, UpdatingTask
from flowbook.plugin.spelling import AnyCase, read


class ExitState(AnyCase):
    """How an execution may be ended."""

    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    KILLED = "KILLED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CANCELED = "CANCELED"


class Exit(UpdatingTask):
    """End this execution at once in a state; nothing after this task starts."""

    state: Dynamic[ExitState] = ExitState.SUCCESS
    """SUCCESS, WARNING, FAILED, KILLED or CANCELLED."""

    def asks(self) -> Mapping[str, Json]:
        return {"state": self.state}

    def update(self, answers: Answers, variables: Mapping[str, Json]) -> Update:
        state = read(ExitState, answers, "state")
        return Update(exit=State("CANCELLED" if state is ExitState.CANCELED else state.value))


NOTHING_TO_DO = Example(
    title="End early when there is nothing to do",
    flow="""
id: nothing-to-do
namespace: demo
tasks:
  - id: look
    type: io.kestra.plugin.core.flow.If
    condition: "{{ true }}"
    then:
      - {id: done, type: io.kestra.plugin.core.execution.Exit}
  - {id: never, type: io.kestra.plugin.core.execution.Fail}
""",
)
