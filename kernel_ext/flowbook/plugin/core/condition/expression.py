"""`core.condition.Expression` as a task."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Condition, Recover, RunnableTask


class Expression(RunnableTask):
    """Look at a condition and hand back whether it holds."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.plugin.core.condition.ExpressionCondition",
        "io.kestra.core.models.conditions.types.VariableCondition",
    )
    recovers: ClassVar[Recover] = Recover.RESTART

    expression: Condition
    """The condition."""
    error_message: Dynamic[str | None] = None
    """If given, a condition that doesn't hold is a failure with this message."""

    async def run(self, context: Context) -> dict[str, Json]:
        value = await context.truth(self.expression)
        if not value:
            message = await context.render(self.error_message)
            if message is None and self.id.startswith(("assert_", "assert-")):
                message = f"Assertion failed: {self.expression}"
            if message is not None:
                raise TaskFailed(message, outputs={"value": False})
        return {"value": value}


LARGE = Example(
    title="Look before going on",
    outputs={"large": {"value": True}},
    flow="""
id: look-first
namespace: demo
inputs:
  - {id: amount, type: INT, defaults: 700}
tasks:
  - id: large
    type: io.kestra.plugin.core.condition.Expression
    expression: "{{ inputs.amount > 500 }}"
""",
)
