"""`core.cache.Put`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example

from .entry import CacheTask, parsed


class Put(CacheTask):
    """Keep a value in the cache."""

    value: Json
    """The value; a text that is JSON is kept as its value."""
    ttl: Dynamic[Duration | None] = None
    """How long it is kept; for ever if left out."""

    async def run(self, context: Context) -> dict[str, Json]:
        key, place = await self.place(context)
        value = parsed(await context.render_json(self.value, typed=True))
        ttl = await context.render(self.ttl)
        (row,) = await context.engine.store.transact(
            "cache_set",
            key=place,
            value=context.closed(value),
            ttl=None if ttl is None else ttl.total_seconds(),
        )
        expires = row.get("expires_at")
        return {
            "value": value,
            "key": key,
            "expiresAt": expires.isoformat() if expires is not None else None,
        }


STATE = Example(
    title="Keep a state for an hour",
    outputs={"look": {"value": {"open": True}, "hit": True}},
    flow="""
id: cache-state
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.cache.Put, key: state, value: '{"open": true}', ttl: PT1H}
  - {id: look, type: io.kestra.plugin.core.cache.Get, key: state}
""",
)
