"""`core.cache.Delete`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example

from .entry import CacheTask


class Delete(CacheTask):
    """Forget a key of the cache."""

    async def run(self, context: Context) -> dict[str, Json]:
        _, place = await self.place(context)
        rows = await context.engine.store.transact("cache_delete", key=place)
        return {"deleted": bool(rows[0]["deleted"])}


FORGET = Example(
    title="Put and forget",
    outputs={"forget": {"deleted": True}},
    flow="""
id: put-and-forget
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.cache.Put, key: short, value: 1}
  - {id: forget, type: io.kestra.plugin.core.cache.Delete, key: short}
""",
)
