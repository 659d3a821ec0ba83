"""`core.output.OutputValues`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class OutputValues(RunnableTask):
    """Hand back several rendered values."""

    values: Json
    """A map of names and values; every text in it is rendered."""

    async def run(self, context: Context) -> dict[str, Json]:
        return {"values": await context.render_json(self.values, typed=False)}


SEVERAL = Example(
    title="Several values at once",
    outputs={"made": {"values": {"sum": "3", "list": ["a", "b"]}}},
    flow="""
id: several-values
namespace: demo
tasks:
  - id: made
    type: io.kestra.plugin.core.output.OutputValues
    values:
      sum: "{{ 1 + 2 }}"
      list: [a, "{{ 'b' }}"]
""",
)
