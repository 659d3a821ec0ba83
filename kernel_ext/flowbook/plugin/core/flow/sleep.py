"""`core.flow.Sleep`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration, iso
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Sleep(RunnableTask):
    """Wait for a while. A kill ends it at once."""

    duration: Dynamic[Duration]
    """How long to wait."""

    async def run(self, context: Context) -> None:
        length = await context.render(self.duration)
        context.log("INFO", f"Waiting for {iso(length)}")
        await context.sleep(max(0.0, length.total_seconds()))


SHORT = Example(
    title="Wait a moment",
    logs=("Waiting for PT0.1S",),
    flow="""
id: wait-a-moment
namespace: demo
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.1S}
""",
)
