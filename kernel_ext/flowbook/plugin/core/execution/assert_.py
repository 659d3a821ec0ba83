"""`core.execution.Assert`."""

from __future__ import annotations

from flowbook.errors import ExpressionError, TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Condition, RunnableTask


class Assert(RunnableTask):
    """Fail unless all conditions are true; says how many weren't."""

    conditions: tuple[Condition, ...]
    """What must be true. One that can't be rendered counts as false."""
    error_message: Dynamic[str | None] = None
    """Added to the failure's message."""

    async def run(self, context: Context) -> dict[str, Json]:
        failed = 0
        for condition in self.conditions:
            failed += not await _holds(context, condition)
        success = len(self.conditions) - failed
        context.metric("success", success)
        context.metric("failed", failed)
        outputs = {"success": success, "failed": failed}
        if failed:
            message = f"{failed} assertion(s) failed!"
            if more := await context.render(self.error_message):
                message += f"\n{more}"
            raise TaskFailed(message, outputs=outputs)
        return outputs


async def _holds(context: Context, condition: str) -> bool:
    try:
        holds = await context.truth(condition)
    except ExpressionError as error:
        context.log("ERROR", f"Assertion `{condition}` could not be rendered: {error}")
        return False
    if not holds:
        context.log("ERROR", f"Assertion `{condition}` failed!")
    return holds


PLAUSIBLE = Example(
    title="Check what a task handed back",
    outputs={"check": {"success": 2, "failed": 0}},
    flow="""
id: plausible
namespace: demo
tasks:
  - {id: total, type: io.kestra.plugin.core.debug.Return, format: "42"}
  - id: check
    type: io.kestra.plugin.core.execution.Assert
    conditions:
      - "{{ outputs.total.value == '42' }}"
      - "{{ outputs.total.value is not empty }}"
""",
)
