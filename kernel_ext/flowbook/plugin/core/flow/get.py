"""`core.flow.Get`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import NotFound
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask


class Get(RunnableTask):
    """Read a flow's definition."""

    recovers: ClassVar[Recover] = Recover.RESTART

    namespace: Dynamic[str]
    """The flow's namespace."""
    flow_id: Dynamic[str]
    """The flow's id."""
    revision: Dynamic[int | None] = None
    """One revision; the latest if left out."""
    ignore_missing: Dynamic[bool] = False
    """A flow that isn't there is no failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        import yaml

        try:
            flow, row = await context.engine.flows.load(
                await context.render(self.namespace),
                await context.render(self.flow_id),
                await context.render(self.revision),
            )
        except NotFound:
            if not await context.render(self.ignore_missing):
                raise
            return {"flow": None, "source": None, "revision": None, "exists": False}
        return {
            "flow": yaml.safe_load(flow.source),
            "source": flow.source,
            "revision": int(row["revision"]),
            "exists": True,
        }


MISSING = Example(
    title="Is there such a flow?",
    outputs={"look": {"exists": False}},
    flow="""
id: is-there-a-flow
namespace: demo
tasks:
  - id: look
    type: io.kestra.plugin.core.flow.Get
    namespace: demo
    flowId: nowhere
    ignoreMissing: true
""",
)
