"""`core.flow.Update`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .flow_text import saved, text_of


class Update(RunnableTask):
    """Save a new revision of a flow; one that isn't there is made."""

    namespace: Dynamic[str]
    """The flow's namespace."""
    flow_id: Dynamic[str]
    """The flow's id."""
    flow: Json
    """The flow: a map, whose texts are rendered, or its YAML."""

    async def run(self, context: Context) -> dict[str, Json]:
        text = await text_of(
            context,
            self.flow,
            id=await context.render(self.flow_id),
            namespace=await context.render(self.namespace),
        )
        _, revision = await saved(context, text)
        return {"revision": revision, "updated": True}


REVISED = Example(
    title="Save a flow",
    outputs={"save": {"revision": 1, "updated": True}},
    flow="""
id: save-a-flow
namespace: demo
tasks:
  - id: save
    type: io.kestra.plugin.core.flow.Update
    namespace: demo.saved
    flowId: hello
    flow:
      tasks:
        - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}
""",
)
