"""`core.cache.Exists`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover

from .entry import CacheTask


class Exists(CacheTask):
    """Say whether the cache holds a key."""

    recovers: ClassVar[Recover] = Recover.RESTART

    async def run(self, context: Context) -> dict[str, Json]:
        _, place = await self.place(context)
        return {"value": bool(await context.engine.store.transact("cache_get", key=place))}


NOT_YET = Example(
    title="Is it there?",
    outputs={"look": {"value": False}},
    flow="""
id: is-it-there
namespace: demo
tasks:
  - {id: look, type: io.kestra.plugin.core.cache.Exists, key: not_yet}
""",
)
