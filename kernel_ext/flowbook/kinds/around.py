"""A task with tasks around it (`before`, `after`): one block that has the task's place in its list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .answers import Answers
from .plan import Plan, enabled, one_lane
from .task import FlowableTask, Task, TaskId

SUFFIX = "_around"
TYPE = "io.kestra.plugin.core.flow.Sequential"
MOVED = ("run_if", "conditions", "depends_on", "disabled")
"""What decides whether the task runs decides it for the block."""


class Around(FlowableTask):
    """The tasks of `before`, the task itself, then those of `after` if it went well."""

    hands_on_value = True

    type: str = TYPE
    inner: Any
    """The task itself."""
    first: tuple[Any, ...] = ()
    then: tuple[Any, ...] = ()

    @property
    def stands_for(self) -> str:
        return str(self.inner.id)

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": (*self.first, self.inner, *self.then)}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled((*self.first, self.inner, *self.then)))


def surrounded(task: Task) -> Task:
    """The block, if tasks stand around this one; else the task."""
    first, then = _tasks(task.before), _tasks(task.after)
    if not first and not then:
        return task
    kept = {name: getattr(task, name) for name in MOVED}
    bare = {name: Task.model_fields[name].default for name in (*MOVED, "before", "after")}
    return Around.model_construct(
        id=TaskId(f"{task.id}{SUFFIX}"),
        inner=task.model_copy(update=bare),
        first=first,
        then=then,
        description=task.description,
        allow_failure=task.allow_failure,
        allow_warning=task.allow_warning,
        **kept,
    )


def _tasks(given: object) -> tuple[Task, ...]:
    found = given if isinstance(given, list | tuple) else ()
    return tuple(each for each in found if isinstance(each, Task))
