"""`core.log.Log`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.kinds.task import Level, Recover, RunnableTask


class Log(RunnableTask):
    """Write one or several lines to the execution's log."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.log.Log",)
    recovers: ClassVar[Recover] = Recover.RESTART

    message: Dynamic[str | tuple[str, ...]]
    """What to write; one log line per item."""
    level: Dynamic[Level] = Level.INFO
    """Severity shown in the Logs tab."""

    async def run(self, context: Context) -> None:
        level = await context.render(self.level)
        message = await context.render(self.message)
        for line in (message,) if isinstance(message, str) else message:
            context.log(level, line)


GREET = Example(
    title="Greet somebody by name",
    logs=("Hello Ada",),
    flow="""
id: greet-by-name
namespace: demo
inputs:
  - {id: name, type: STRING, defaults: Ada}
tasks:
  - id: greet
    type: io.kestra.plugin.core.log.Log
    message: "Hello {{ inputs.name }}"
""",
)
