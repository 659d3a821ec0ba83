"""`core.execution.Resume`."""

from __future__ import annotations

from collections.abc import Mapping

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Resume(RunnableTask):
    """Let a paused execution go on."""

    namespace: Dynamic[str | None] = None
    """The namespace of that execution."""
    flow_id: Dynamic[str | None] = None
    """The flow of that execution."""
    execution_id: Dynamic[str]
    """The execution."""
    inputs: Dynamic[Mapping[str, Json] | None] = None
    """Answers to what its pause asks for."""

    async def run(self, context: Context) -> None:
        inputs = await context.render(self.inputs)
        await context.engine.resume(await context.render(self.execution_id), inputs or {})


OTHER = Example(
    title="Resume another execution",
    flows=(
        """
id: asks
namespace: demo
tasks:
  - {id: ask, type: io.kestra.plugin.core.flow.Pause}
""",
    ),
    flow="""
id: resume-another
namespace: demo
tasks:
  - {id: other, type: io.kestra.plugin.core.flow.Subflow, namespace: demo, flowId: asks, wait: false}
  - id: resume
    type: io.kestra.plugin.core.execution.Resume
    executionId: "{{ outputs.other.executionId }}"
    retry: {type: constant, interval: PT0.2S, maxAttempts: 100}
""",
)
