"""`core.cache.Increment`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import Conflict, TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example

from .entry import CacheTask


class Increment(CacheTask):
    """Count up a number in the cache, atomically."""

    sign: ClassVar[int] = 1

    by: Dynamic[int] = 1
    """How much."""
    default_value: Dynamic[int] = 0
    """What it counts from when there is none."""
    ttl: Dynamic[Duration | None] = None
    """How long a new number is kept."""
    refresh_ttl: Dynamic[bool] = False
    """Count that time from the last change."""
    min: Dynamic[int | None] = None
    """The least value it may have."""

    async def run(self, context: Context) -> dict[str, Json]:
        key, place = await self.place(context)
        ttl = await context.render(self.ttl)
        try:
            (row,) = await context.engine.store.transact(
                "cache_add",
                key=place,
                by=self.sign * await context.render(self.by),
                ttl=None if ttl is None else ttl.total_seconds(),
                start=await context.render(self.default_value),
                least=await context.render(self.min),
                refresh=await context.render(self.refresh_ttl),
            )
        except Conflict:
            raise TaskFailed(f"The value of '{key}' in the cache is no number") from None
        return {"value": row["value"]}


TWICE = Example(
    title="Count twice",
    outputs={"two": {"value": 2}},
    flow="""
id: count-twice
namespace: demo
tasks:
  - {id: one, type: io.kestra.plugin.core.cache.Increment, key: runs}
  - {id: two, type: io.kestra.plugin.core.cache.Increment, key: runs}
""",
)
