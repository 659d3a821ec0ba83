"""`core.kv.Get`."""

from __future__ import annotations

from typing import Any, ClassVar

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
    """The namespace; the flow's own and those above it if left out."""
    error_on_missing: Dynamic[bool] = False
    """A missing key is a failure; else the value is null."""

    async def run(self, context: Context) -> dict[str, Json]:
        key = await context.render(self.key)
        namespace = await context.render(self.namespace)
        found = await self._found(context, key, namespace)
        if found is None and await context.render(self.error_on_missing):
            raise TaskFailed(
                f"No value found for key '{key}' in namespace '{namespace or context.namespace}' "
                "and `errorOnMissing` is set to true"
            )
        return {"value": None if found is None else found["value"]}

    async def _found(self, context: Context, key: str, namespace: str | None) -> Any:
        place = namespace or context.namespace
        while place:
            found = await (await context.kv(place)).get(key)
            if found is not None or namespace:
                return found
            place = place.rpartition(".")[0]
        return None


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
