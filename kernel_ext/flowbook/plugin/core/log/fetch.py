"""`core.log.Fetch`."""

from __future__ import annotations

import json
from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Level, RunnableTask

KEYS = ("namespace", "flow_id", "execution_id", "task_id", "task_run_id", "attempt")


class Fetch(RunnableTask):
    """Store the log of an execution as a file, one record per line."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.log.Fetch",
        "io.kestra.plugin.kestra.logs.Fetch",
    )

    namespace: Dynamic[str | None] = None
    """The namespace of that execution."""
    flow_id: Dynamic[str | None] = None
    """The flow of that execution."""
    execution_id: Dynamic[str | None] = None
    """The execution; this one if left out."""
    tasks_id: Dynamic[tuple[str, ...] | None] = None
    """Only lines of these tasks."""
    level: Dynamic[Level] = Level.INFO
    """The least severity."""

    async def run(self, context: Context) -> dict[str, Json]:
        execution = await context.render(self.execution_id)
        namespace, flow = await context.render(self.namespace), await context.render(self.flow_id)
        _check(execution, namespace, flow)
        tasks = await context.render(self.tasks_id)
        level = await context.render(self.level)
        rows = await context.engine.history.logs(
            execution or context.execution_id, level=level.value
        )
        lines = [
            json.dumps(_record(row), ensure_ascii=False) + "\n"
            for row in rows
            if not tasks or row["task_id"] in tasks
        ]
        uri = await context.put("".join(lines).encode(), "logs.jsonl")
        return {"uri": uri, "size": len(lines)}


def _check(execution: str | None, namespace: str | None, flow: str | None) -> None:
    if execution is None and (namespace or flow):
        raise TaskFailed("`namespace` and `flowId` should only be set when `executionId` is set.")
    if execution is not None and bool(namespace) != bool(flow):
        raise TaskFailed("Both `namespace` and `flowId` must be set when `executionId` is set.")


def _record(row: dict[str, Json]) -> dict[str, Json]:
    from pydantic.alias_generators import to_camel

    record = {to_camel(key): row.get(key) for key in KEYS}
    return {**record, "timestamp": str(row["ts"]), "level": row["level"], "message": row["message"]}


OWN_LOG = Example(
    title="Keep the log of this execution as a file",
    outputs={"log": {"size": 1}},
    flow="""
id: keep-the-log
namespace: demo
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: hello}
  - {id: log, type: io.kestra.plugin.core.log.Fetch, tasksId: [say]}
""",
)
