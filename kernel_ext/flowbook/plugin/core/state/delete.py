"""`core.state.Delete`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example

from .kept import StateTask


class Delete(StateTask):
    """Forget a state."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.states.Delete",)

    error_on_missing: Dynamic[bool] = False
    """A state that isn't there is a failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        deleted = await (await context.kv()).delete(await self.place(context))
        if not deleted and await context.render(self.error_on_missing):
            raise TaskFailed(f"There is no state '{await context.render(self.name)}'")
        return {"deleted": deleted}


FORGET = Example(
    title="Keep and forget",
    outputs={"forget": {"deleted": True}},
    flow="""
id: keep-and-forget
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.state.Set, name: short, data: {a: 1}}
  - {id: forget, type: io.kestra.plugin.core.state.Delete, name: short}
""",
)
