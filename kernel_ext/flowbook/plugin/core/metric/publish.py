"""`core.metric.Publish`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.durations import parse_duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Publish(RunnableTask):
    """Record metrics beside the execution."""

    metrics: Dynamic[tuple[Mapping[str, Json], ...]]
    """Each `{type: counter, timer or gauge, name, value, tags}`; a timer's value is a duration."""

    async def run(self, context: Context) -> None:
        for metric in await context.render(self.metrics):
            if not {"name", "value"} <= metric.keys():
                raise TaskFailed(f"A metric needs `name` and `value`, but is {dict(metric)}")
            kind = str(metric.get("type", "counter")).rpartition(".")[2].lower()
            tags = {str(name): str(tag) for name, tag in (metric.get("tags") or {}).items()}
            context.metric(str(metric["name"]), _number(kind, metric["value"]), kind, **tags)


def _number(kind: str, value: Json) -> float:
    try:
        match kind:
            case "timer":
                return parse_duration(value) / timedelta(milliseconds=1)
            case "counter" | "gauge":
                return float(value)
    except (TypeError, ValueError):
        raise TaskFailed(f"The value of a {kind} is no number: '{value}'") from None
    raise TaskFailed(f"'{kind}' is no type of metric: counter, timer or gauge")


ROWS = Example(
    title="Record how many rows there were",
    flow="""
id: record-rows
namespace: demo
tasks:
  - id: rows
    type: io.kestra.plugin.core.metric.Publish
    metrics:
      - {type: counter, name: rows, value: "{{ 2 * 21 }}", tags: {source: crm}}
      - {type: timer, name: load, value: PT1.5S}
""",
)
