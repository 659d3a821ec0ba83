"""`core.flow.Validate`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask

from .flow_text import problems_of, text_of


class Validate(RunnableTask):
    """Say what is wrong with a flow's text."""

    recovers: ClassVar[Recover] = Recover.RESTART

    flow: Json
    """The flow: a map, whose texts are rendered, or its YAML."""
    fail_on_invalid: Dynamic[bool] = True
    """An invalid flow is a failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        flow, problems = problems_of(await text_of(context, self.flow))
        errors = [str(problem.message) for problem in problems if problem.is_error]
        warnings = [str(problem.message) for problem in problems if not problem.is_error]
        valid = flow is not None and not errors
        outputs = {"valid": valid, "constraints": errors, "warnings": warnings}
        if not valid and await context.render(self.fail_on_invalid):
            raise TaskFailed("\n".join(errors), outputs=outputs)
        return outputs


GOOD = Example(
    title="Validate a flow",
    outputs={"look": {"valid": True, "constraints": []}},
    flow="""
id: validate-a-flow
namespace: demo
tasks:
  - id: look
    type: io.kestra.plugin.core.flow.Validate
    flow: |
      id: hello
      namespace: demo
      tasks:
        - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}
""",
)
