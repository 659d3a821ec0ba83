"""`core.flow.Create`."""

from __future__ import annotations

from flowbook.errors import NotFound, TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .flow_text import saved, text_of


class Create(RunnableTask):
    """Save a new flow."""

    flow: Json
    """The flow: a map, whose texts are rendered, or its YAML."""
    namespace: Dynamic[str | None] = None
    """Its namespace, instead of the one it names."""
    overwrite: Dynamic[bool] = False
    """Make a new revision of a flow that is there; else that is a failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        text = await text_of(context, self.flow, namespace=await context.render(self.namespace))
        from flowbook.flows.parse import parse

        flow = parse(text)
        try:
            await context.engine.flows.load(flow.namespace, flow.id)
        except NotFound:
            created = True
        else:
            created = False
            if not await context.render(self.overwrite):
                raise TaskFailed(f"Flow '{flow.uid}' exists and `overwrite` is set to `false`")
        _, revision = await saved(context, text)
        return {
            "id": flow.id,
            "namespace": flow.namespace,
            "revision": revision,
            "created": created,
        }


GENERATED = Example(
    title="A flow for each region",
    outputs={"make": {"id": "report-north", "created": True}},
    flow="""
id: make-a-flow
namespace: demo
variables: {region: north}
tasks:
  - id: make
    type: io.kestra.plugin.core.flow.Create
    flow:
      id: "report-{{ vars.region }}"
      namespace: demo.generated
      tasks:
        - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ vars.region }}"}
""",
)
