"""`core.flow.Template`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from flowbook.errors import FlowInvalid, NotFound, TaskFailed
from flowbook.flows.model import Flow
from flowbook.flows.parse import parse
from flowbook.kinds.answers import Answers
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.task import AnyTask, FlowableTask, Task


class Template(FlowableTask):
    """Run the tasks of a template here. A template is a flow that is kept for its tasks.

    In the tasks `parent.outputs.args` are the `args`. They may have ids that the flow has too; where both hand
    out outputs under one id, the later ones count. A Subflow does the same in an execution of its own.
    """

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.Template",)

    namespace: Dynamic[str | None] = None
    """The template's namespace; the flow's own if left out."""
    template_id: Dynamic[str]
    """The template's id."""
    args: Dynamic[Mapping[str, Json] | None] = None
    """Values for its tasks."""
    tasks: tuple[AnyTask, ...] = ()
    """Known only when it runs."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def asks(self) -> Mapping[str, Json]:
        return {"namespace": self.namespace, "templateId": self.template_id, "args": self.args}

    @property
    def opens(self) -> bool:
        return True

    async def opening(self, context: Context, answers: Mapping[str, Json]) -> Mapping[str, Json]:
        namespace = str(answers["namespace"] or context.namespace)
        name = str(answers["templateId"])
        try:
            flow, _ = await context.engine.flows.load(namespace, name)
        except NotFound:
            raise TaskFailed(
                f"Unable to find template '{namespace}.{name}': deploy its text, "
                "with id, namespace and tasks, as a flow"
            ) from None
        return {"source": flow.source, "dialect": flow.dialect, "template": flow.uid}

    def filled(self, answers: Answers) -> Template | None:
        if "source" not in answers:
            return None
        namespace = str(answers["template"]).rpartition(".")[0]
        found = _read(str(answers["source"]), namespace, str(answers["dialect"]))
        errors = self.errors or found.errors
        return self.model_copy(update={"tasks": found.tasks, "errors": errors})

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks), outputs={"args": answers["args"] or {}})


@lru_cache(maxsize=64)
def _read(source: str, namespace: str, dialect: str) -> Flow:
    try:
        return parse(source, namespace=namespace, dialect=dialect)
    except FlowInvalid as error:
        raise TaskFailed(f"The template can't be read any more: {error}") from None


GREETING = Example(
    title="A greeting kept as a template",
    flows=(
        """
id: greeting
namespace: demo
tasks:
  - {id: hello, type: io.kestra.plugin.core.log.Log, message: "Hello {{ parent.outputs.args.name }}"}
""",
    ),
    logs=("Hello Ada",),
    flow="""
id: greet-by-template
namespace: demo
tasks:
  - id: greet
    type: io.kestra.plugin.core.flow.Template
    templateId: greeting
    args: {name: Ada}
""",
)
