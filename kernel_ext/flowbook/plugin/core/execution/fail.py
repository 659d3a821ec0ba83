"""`core.execution.Fail`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.kinds.task import Condition, RunnableTask


class Fail(RunnableTask):
    """Fail on purpose: always, or if a condition is true."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.executions.Fail",)

    condition: Condition | None = None
    """Fail only if this is true."""
    error_message: Dynamic[str] = "Task failure"
    """What the failure says."""

    async def run(self, context: Context) -> None:
        message = await context.render(self.error_message)
        if self.condition is None:
            raise TaskFailed(message)
        if await context.truth(self.condition):
            context.log("ERROR", message)
            raise TaskFailed("Fail on a condition")


TOO_FEW = Example(
    title="Fail when there is too little data",
    state="FAILED",
    logs=("Only 3 rows",),
    flow="""
id: too-few-rows
namespace: demo
tasks:
  - {id: rows, type: io.kestra.plugin.core.debug.Return, format: "3"}
  - id: check
    type: io.kestra.plugin.core.execution.Fail
    condition: "{{ (outputs.rows.value | number) < 10 }}"
    errorMessage: "Only {{ outputs.rows.value }} rows"
""",
)
