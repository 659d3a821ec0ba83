"""`core.state.Set`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.plugin.core.execution.set_variables import merged

from .kept import StateTask


class Set(StateTask):
    """Merge values into a state that later executions see."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.states.Set",)

    data: Json = None
    """The values, as a map."""

    async def run(self, context: Context) -> dict[str, Json]:
        given = await context.render_json(self.data, typed=False) or {}
        if not isinstance(given, dict):
            raise TaskFailed(f"'data' must be a map, but is '{given}'")
        pairs = await context.kv()
        key = await self.place(context)
        found = await pairs.get(key)
        state = merged(found["value"] if found else {}, given)
        await pairs.set(key, state)
        return {"count": len(state), "key": key}


LAST = Example(
    title="Remember where the last run stopped",
    outputs={"read": {"count": 1, "data": {"last": 42}}},
    flow="""
id: remember-the-last
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.state.Set, data: {last: 42}}
  - {id: read, type: io.kestra.plugin.core.state.Get}
""",
)
