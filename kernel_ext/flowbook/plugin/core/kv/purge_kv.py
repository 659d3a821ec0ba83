"""`core.kv.PurgeKV`."""

from __future__ import annotations

from fnmatch import fnmatchcase

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class PurgeKV(RunnableTask):
    """Delete pairs whose time is over, or all that match."""

    namespaces: Dynamic[tuple[str, ...] | None] = None
    """In these namespaces."""
    namespace_pattern: Dynamic[str | None] = None
    """In namespaces that match this glob; in all of them if neither is given."""
    include_child_namespaces: Dynamic[bool] = True
    """The named ones with all below them."""
    key_pattern: Dynamic[str] = "*"
    """Only keys that match this glob."""
    expired_only: Dynamic[bool | None] = None
    """Only pairs whose time is over, as long as this isn't false."""
    behavior: Json = None
    """Newer form: `{type: key, expiredOnly}`; `{type: version, …}` finds nothing, as only the last version
    of a pair is kept."""

    async def run(self, context: Context) -> dict[str, Json]:
        pattern = await context.render(self.key_pattern)
        expired = await context.render(self.expired_only)
        behavior = await context.render_json(self.behavior)
        behavior = behavior if isinstance(behavior, dict) else {}
        if str(behavior.get("type", "key")).lower().endswith("version"):
            if {"before", "keepAmount"} <= behavior.keys():
                raise TaskFailed("Cannot set both 'before' and 'keepAmount' properties")
            return {"size": 0}
        if expired is None:
            expired = bool(behavior.get("expiredOnly", True))
        store = context.engine.store
        size = 0
        for namespace in await self._places(context):
            rows = await store.query("kv_expired", namespace=namespace, now=context.now())
            if not expired:
                rows += await store.query(
                    "kv_listed", namespace=namespace, prefix="", now=context.now()
                )
            for row in rows:
                if fnmatchcase(row["key"], pattern):
                    await store.transact("kv_delete", namespace=namespace, key=row["key"])
                    size += 1
        return {"size": size}

    async def _places(self, context: Context) -> list[str]:
        named = await context.render(self.namespaces)
        pattern = await context.render(self.namespace_pattern)
        if named and pattern:
            raise TaskFailed(
                "Properties `namespaces` and `namespacePattern` can't be used together"
            )
        known = [row["id"] for row in await context.engine.store.query("namespaces_list")]
        if not named:
            return [one for one in known if pattern is None or fnmatchcase(one, pattern)]
        if not await context.render(self.include_child_namespaces):
            return list(named)
        above = tuple(f"{one}." for one in named)
        return list(dict.fromkeys([*named, *(one for one in known if one.startswith(above))]))


ALL_OF_APP = Example(
    title="Delete the pairs of an application",
    outputs={"purge": {"size": 1}},
    flow="""
id: purge-pairs
namespace: demo.purge
tasks:
  - {id: keep, type: io.kestra.plugin.core.kv.Set, key: app.a, value: 1}
  - {id: purge, type: io.kestra.plugin.core.kv.PurgeKV, namespaces: [demo.purge], keyPattern: "app.*", expiredOnly: false}
""",
)
