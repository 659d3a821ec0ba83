"""`core.condition.Execution` as a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.state import State
from flowbook.kinds.task import Recover, RunnableTask


class Execution(RunnableTask):
    """Look at this execution, and at how the tasks beside this one have come out so far.

    Among a task's `conditions` it means the same, and the task runs when all others of its list have ended.
    """

    recovers: ClassVar[Recover] = Recover.RESTART

    states: Dynamic[tuple[State, ...] | None] = None
    """The worst state so far is one of these."""
    namespace: Dynamic[str | None] = None
    """The execution's flow is of this namespace."""
    flow_id: Dynamic[str | None] = None
    """The execution is of this flow."""
    labels: Json = None
    """The execution carries these labels."""
    error_message: Dynamic[str | None] = None
    """If given, a condition that doesn't hold is a failure with this message."""

    async def run(self, context: Context) -> dict[str, Json]:
        state = _so_far(context)
        value = await self._holds(context, state)
        message = await context.render(self.error_message)
        if not value and message is not None:
            raise TaskFailed(message, outputs={"value": False})
        return {"value": value, "state": state.value}

    async def _holds(self, context: Context, state: State) -> bool:
        states = await context.render(self.states)
        namespace = await context.render(self.namespace)
        flow_id = await context.render(self.flow_id)
        wanted = await context.render_json(self.labels)
        pairs = wanted.items() if isinstance(wanted, Mapping) else ()
        carried = dict(context.execution.labels)
        return (
            (not states or state in states)
            and namespace in (None, context.namespace)
            and flow_id in (None, context.flow_id)
            and all(carried.get(str(name)) == str(value) for name, value in pairs)
        )


def _so_far(context: Context) -> State:
    """The worst state of the tasks of its list that have ended."""
    execution = context.execution
    parent = execution.task_runs[context.task_run_id].parent
    stand = execution.task_runs[parent].stand if parent else execution.root
    worst: State = State.SUCCESS if stand is None else stand.worst
    return worst


SO_FAR = Example(
    title="Has everything gone well so far?",
    outputs={"well": {"value": True}, "badly": {"value": False}},
    flow="""
id: well-so-far
namespace: demo
tasks:
  - {id: work, type: io.kestra.plugin.core.debug.Return, format: done}
  - {id: well, type: io.kestra.plugin.core.condition.Execution, states: [SUCCESS], flowId: well-so-far}
  - {id: badly, type: io.kestra.plugin.core.condition.Execution, states: [FAILED, WARNING]}
""",
)
