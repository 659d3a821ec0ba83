"""`core.debug.Echo`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.kinds.task import Level, Recover, RunnableTask


class Echo(RunnableTask):
    """Write a line to the execution's log. `core.log.Log` does more."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.debugs.Echo",)
    recovers: ClassVar[Recover] = Recover.RESTART

    format: Dynamic[str]
    """The line."""
    level: Dynamic[Level] = Level.INFO
    """Its severity."""

    async def run(self, context: Context) -> None:
        context.log(await context.render(self.level), await context.render(self.format))


ECHO = Example(
    title="Write a line",
    logs=("echo",),
    flow="""
id: echo
namespace: demo
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Echo, format: echo}
""",
)
