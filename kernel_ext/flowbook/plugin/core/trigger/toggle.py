"""`core.trigger.Toggle`: a task that switches a trigger."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Toggle(RunnableTask):
    """Switch a flow's trigger on or off."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.trigger.Toggle",)

    trigger: Dynamic[str]
    """The trigger's id."""
    enabled: Dynamic[bool] = False
    """On or off."""
    namespace: Dynamic[str | None] = None
    """The flow's namespace; this flow's own if left out."""
    flow_id: Dynamic[str | None] = None
    """The flow; this one if left out."""

    async def run(self, context: Context) -> None:
        await context.engine.store.transact(
            "save_trigger",
            namespace=await context.render(self.namespace) or context.namespace,
            flow_id=await context.render(self.flow_id) or context.flow_id,
            trigger_id=await context.render(self.trigger),
            disabled=not await context.render(self.enabled),
        )


OFF = Example(
    title="Switch a schedule off",
    flow="""
id: switch-off
namespace: demo
tasks:
  - {id: stop, type: io.kestra.plugin.core.trigger.Toggle, flowId: nightly, trigger: every-night}
""",
)
