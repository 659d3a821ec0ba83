"""What the cache tasks share: whose cache it is, and a key in it."""

from __future__ import annotations

import json

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.spelling import AnyCase


class CacheScope(AnyCase):
    """Who shares a cache."""

    NAMESPACE = "NAMESPACE"
    GLOBAL = "GLOBAL"
    FLOW = "FLOW"


class CacheTask(RunnableTask):
    """A task about one key of a cache."""

    key: Dynamic[str]
    """The key."""
    scope: Dynamic[CacheScope] = CacheScope.NAMESPACE
    """Who shares it: all flows of the `namespace`, this `flow`, or all (`global`)."""

    async def place(self, context: Context) -> tuple[str, str]:
        """The key as it was written, and as the store knows it."""
        key = await context.render(self.key)
        return key, await place(context, key, self.scope)


async def place(context: Context, key: str, scope: CacheScope) -> str:
    """A key as the store knows it."""
    match await context.render(scope):
        case CacheScope.GLOBAL:
            owner = ""
        case CacheScope.FLOW:
            owner = f"{context.namespace}.{context.flow_id}"
        case _:
            owner = context.namespace
    return f"cache:{owner}:{key}"


def parsed(value: Json) -> Json:
    """A text that is JSON as its value."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
