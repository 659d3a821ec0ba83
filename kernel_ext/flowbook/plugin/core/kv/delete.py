"""`core.kv.Delete`."""

from __future__ import annotations

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Delete(RunnableTask):
    """Forget the value kept under a key of a namespace."""

    key: Dynamic[str]
    """The key."""
    namespace: Dynamic[str | None] = None
    """The namespace; the flow's own if left out."""
    error_on_missing: Dynamic[bool] = False
    """A missing key is a failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        key = await context.render(self.key)
        namespace = await context.render(self.namespace)
        deleted = await (await context.kv(namespace)).delete(key)
        if not deleted and await context.render(self.error_on_missing):
            raise TaskFailed(
                f"No value found for key '{key}' in namespace '{namespace or context.namespace}' "
                "and `errorOnMissing` is set to true"
            )
        return {"deleted": deleted}


FORGET = Example(
    title="Set a key and forget it",
    outputs={"forget": {"deleted": True}},
    flow="""
id: forget
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.kv.Set, key: temporary, value: x}
  - {id: forget, type: io.kestra.plugin.core.kv.Delete, key: temporary}
""",
)
