"""`core.kv.Get`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask


class Get(RunnableTask):
    """Read the value kept under a key of a namespace."""

    recovers: ClassVar[Recover] = Recover.RESTART

    key: Dynamic[str]
    """The key."""
    namespace: Dynamic[str | None] = None
    """The namespace; the flow's own if left out."""
    error_on_missing: Dynamic[bool] = False
    """A missing key is a failure; else the value is null."""

    async def run(self, context: Context) -> dict[str, Json]:
        key = await context.render(self.key)
        namespace = await context.render(self.namespace)
        found = await (await context.kv(namespace)).get(key)
        if found is None and await context.render(self.error_on_missing):
            raise TaskFailed(
                f"No value found for key '{key}' in namespace '{namespace or context.namespace}' "
                "and `errorOnMissing` is set to true"
            )
        return {"value": None if found is None else found["value"]}


MISSING = Example(
    title="A key that nobody has set",
    outputs={"read": {"value": None}},
    flow="""
id: read-a-missing-key
namespace: demo
tasks:
  - {id: read, type: io.kestra.plugin.core.kv.Get, key: never_set}
""",
)
