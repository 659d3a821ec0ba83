"""`core.templating.TemplatedTask`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import ValidationError

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.find import find
from flowbook.kinds.part import Example
from flowbook.kinds.task import Output, RunnableTask


class TemplatedTask(RunnableTask):
    """Run a task whose YAML is made when it starts."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.templating.TemplatedTask",)

    spec: str
    """The YAML of a runnable task; rendered first."""

    async def run(self, context: Context) -> Output | Mapping[str, Json] | None:
        import yaml

        text = await context.render_text(self.spec)
        try:
            spec = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise TaskFailed(f"The templated task is no YAML: {error}") from None
        if not isinstance(spec, Mapping) or "type" not in spec:
            raise TaskFailed("The templated task must be a map with `type`")
        return await self._inner(spec).run(context)

    def _inner(self, spec: Mapping[str, Json]) -> RunnableTask:
        part = find("task", str(spec["type"]))
        if part is None:
            raise TaskFailed(f"Invalid type: {spec['type']}")
        if issubclass(part, TemplatedTask):
            raise TaskFailed(f"The templated task cannot be of type {self.type}")
        if not issubclass(part, RunnableTask):
            raise TaskFailed("The templated task must be a runnable task")
        try:
            return part.model_validate({"id": self.id, **spec})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise TaskFailed(f"The templated task is invalid: {place}: {first['msg']}") from None


CHOSEN = Example(
    title="A task chosen by an input",
    inputs={"kind": "log.Log"},
    logs=("made when it ran",),
    flow="""
id: chosen-task
namespace: demo
inputs:
  - {id: kind, type: STRING}
tasks:
  - id: chosen
    type: io.kestra.plugin.core.templating.TemplatedTask
    spec: |
      type: io.kestra.plugin.core.{{ inputs.kind }}
      message: made when it ran
""",
)
