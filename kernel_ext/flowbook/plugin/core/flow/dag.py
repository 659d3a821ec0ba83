"""`core.flow.Dag`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, side_by_side
from flowbook.kinds.task import DagItem, FlowableTask, Task

from .turns import is_off, question, width


def _item(value: Any) -> Any:
    if isinstance(value, Mapping) and "task" not in value and "type" in value:
        after = value.get("dependsOn") or ()  # a task written directly
        return {
            "task": {name: item for name, item in value.items() if name != "dependsOn"},
            "dependsOn": [after] if isinstance(after, str) else after,
        }
    return value


class Dag(FlowableTask):
    """Run each task as soon as those it depends on have ended."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.Dag",)

    tasks: tuple[Annotated[DagItem, BeforeValidator(_item)], ...]
    """Entries `{task, dependsOn: [ids]}`."""
    concurrent: Dynamic[int] = 0
    """How many run at once; 0 = all."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {
            "tasks": tuple(item.task for item in self.tasks),
            "errors": self.errors,
            "finally": self.finally_,
        }

    def asks(self) -> Mapping[str, Json]:
        return {
            "concurrent": self.concurrent
            if self.max_parallel is None
            else question(self.max_parallel)
        }

    def plan(self, answers: Answers) -> Plan:
        items = [item for item in self.tasks if not item.task.disabled]
        named = {item.task.stands_for: item for item in self.tasks}
        return side_by_side(
            [item.task for item in items],
            width(answers, "concurrent"),
            after={str(item.task.id): _waits_for(item, named) for item in items if item.depends_on},
            detached=is_off(self.wait),
        )

    def errors_plan(self) -> Plan:
        return side_by_side(enabled(self.errors), None)


def _waits_for(item: DagItem, named: Mapping[str, DagItem]) -> frozenset[str]:
    """The ids of the enabled tasks that come before it; a disabled one hands on what it depends on."""
    found: set[str] = set()
    seen: set[str] = set()
    left = list(item.depends_on)
    while left:
        name = left.pop()
        before = named.get(name)
        if before is None or name in seen:
            continue
        seen.add(name)
        if before.task.disabled:
            left += before.depends_on
        else:
            found.add(str(before.task.id))
    return frozenset(found)


DIAMOND = Example(
    title="A diamond: b and c after a, d after both",
    logs=("a", "b", "c", "d"),
    flow="""
id: diamond
namespace: demo
tasks:
  - id: graph
    type: io.kestra.plugin.core.flow.Dag
    tasks:
      - task: {id: a, type: io.kestra.plugin.core.log.Log, message: a}
      - task: {id: b, type: io.kestra.plugin.core.log.Log, message: b}
        dependsOn: [a]
      - task: {id: c, type: io.kestra.plugin.core.log.Log, message: c}
        dependsOn: [a]
      - task: {id: d, type: io.kestra.plugin.core.log.Log, message: d}
        dependsOn: [b, c]
""",
)
