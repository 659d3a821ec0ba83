"""`core.state.Get`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover

from .kept import StateTask


class Get(StateTask):
    """Read a state that an earlier execution has kept."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.states.Get",)
    recovers: ClassVar[Recover] = Recover.RESTART

    error_on_missing: Dynamic[bool] = False
    """A state that isn't there is a failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        found = await self.kept(context)
        if found is None and await context.render(self.error_on_missing):
            raise TaskFailed(f"There is no state '{await context.render(self.name)}'")
        return {"count": len(found or {}), "data": dict(found or {})}


EMPTY = Example(
    title="A state that nobody has kept",
    outputs={"read": {"count": 0, "data": {}}},
    flow="""
id: read-a-state
namespace: demo
tasks:
  - {id: read, type: io.kestra.plugin.core.state.Get, name: never-kept}
""",
)
