"""`core.cache.Get`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover

from .entry import CacheTask, parsed


class Get(CacheTask):
    """Read a value from the cache."""

    recovers: ClassVar[Recover] = Recover.RESTART

    default_value: Json = None
    """The value when there is none."""

    async def run(self, context: Context) -> dict[str, Json]:
        _, place = await self.place(context)
        rows = await context.engine.store.transact("cache_get", key=place)
        if rows:
            return {"value": parsed(context.opened(rows[0]["value"])), "hit": True}
        return {"value": await context.render_json(self.default_value), "hit": False}


DEFAULT = Example(
    title="A value that nobody has put",
    outputs={"look": {"value": "closed", "hit": False}},
    flow="""
id: cache-default
namespace: demo
tasks:
  - {id: look, type: io.kestra.plugin.core.cache.Get, key: "circuit:orders", defaultValue: closed}
""",
)
