"""`core.debug.Return`."""

from __future__ import annotations

from time import perf_counter
from typing import ClassVar

from flowbook.expressions.render import text_of
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask


class Return(RunnableTask):
    """Hand back a rendered text as the output `value`."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.debugs.Return",)
    recovers: ClassVar[Recover] = Recover.RESTART

    format: Dynamic[str | None] = None
    """The text."""

    async def run(self, context: Context) -> dict[str, Json]:
        start = perf_counter()
        value: Json = self.format
        if isinstance(self.format, Template) and context.dialect == "seed":
            value = await context.render_json(self.format.source, typed=True)
        elif isinstance(self.format, Template):
            value = await context.render(self.format)
        text = text_of(value, context.dialect)
        context.log("DEBUG", text)
        tag = (str(self.format) if self.format is not None else "")[:200]
        context.metric("length", len(text), "counter", format=tag)
        context.metric("duration", (perf_counter() - start) * 1000, "timer", format=tag)
        return {"value": value}


GREETING = Example(
    title="Build a text for later tasks",
    outputs={"greeting": {"value": "Hello Ada"}},
    logs=("Hello Ada",),
    flow="""
id: greeting
namespace: demo
tasks:
  - {id: greeting, type: io.kestra.plugin.core.debug.Return, format: "Hello {{ 'ada' | capitalize }}"}
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.greeting.value }}"}
""",
)
