"""`core.kv.PurgeKV`."""

from __future__ import annotations

from fnmatch import fnmatchcase

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class PurgeKV(RunnableTask):
    """Delete pairs whose time is over, or all that match."""

    namespaces: Dynamic[tuple[str, ...] | None] = None
    """In these namespaces."""
    namespace_pattern: Dynamic[str | None] = None
    """In namespaces that match this glob; this flow's own if neither is given."""
    key_pattern: Dynamic[str] = "*"
    """Only keys that match this glob."""
    expired_only: Dynamic[bool] = True
    """Only pairs whose time is over."""
    behavior: Json = None
    """Newer form: `{type: key, expiredOnly}`."""

    async def run(self, context: Context) -> dict[str, Json]:
        pattern = await context.render(self.key_pattern)
        expired = await context.render(self.expired_only)
        behavior = await context.render_json(self.behavior)
        if isinstance(behavior, dict):
            expired = bool(behavior.get("expiredOnly", expired))
        store = context.engine.store
        size = 0
        for namespace in await self._places(context):
            if expired:
                rows = await store.query("kv_expired", namespace=namespace, now=context.now())
            else:
                rows = await store.query(
                    "kv_listed", namespace=namespace, prefix="", now=context.now()
                )
            for row in rows:
                if fnmatchcase(row["key"], pattern):
                    await store.transact("kv_delete", namespace=namespace, key=row["key"])
                    size += 1
        return {"size": size}

    async def _places(self, context: Context) -> list[str]:
        if named := await context.render(self.namespaces):
            return list(named)
        pattern = await context.render(self.namespace_pattern)
        if pattern is None:
            return [context.namespace]
        rows = await context.engine.store.query("namespaces_list")
        return [row["id"] for row in rows if fnmatchcase(row["id"], pattern)]


ALL_OF_APP = Example(
    title="Delete the pairs of an application",
    outputs={"purge": {"size": 1}},
    flow="""
id: purge-pairs
namespace: demo.purge
tasks:
  - {id: keep, type: io.kestra.plugin.core.kv.Set, key: app.a, value: 1}
  - {id: purge, type: io.kestra.plugin.core.kv.PurgeKV, keyPattern: "app.*", expiredOnly: false}
""",
)
