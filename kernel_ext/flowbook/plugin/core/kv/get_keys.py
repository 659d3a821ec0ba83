"""`core.kv.GetKeys`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask


class GetKeys(RunnableTask):
    """List the keys of a namespace."""

    recovers: ClassVar[Recover] = Recover.RESTART

    prefix: Dynamic[str | None] = None
    """Only keys that begin so."""
    namespace: Dynamic[str | None] = None
    """The namespace; the flow's own if left out."""

    async def run(self, context: Context) -> dict[str, Json]:
        pairs = await context.kv(await context.render(self.namespace))
        prefix = await context.render(self.prefix)
        return {"keys": sorted(await pairs.keys(prefix or ""))}


BY_PREFIX = Example(
    title="Keys that begin alike",
    outputs={"list": {"keys": ["shop.a", "shop.b"]}},
    flow="""
id: keys-by-prefix
namespace: demo
tasks:
  - {id: a, type: io.kestra.plugin.core.kv.Set, key: shop.a, value: 1}
  - {id: b, type: io.kestra.plugin.core.kv.Set, key: shop.b, value: 2}
  - {id: list, type: io.kestra.plugin.core.kv.GetKeys, prefix: shop.}
""",
)
