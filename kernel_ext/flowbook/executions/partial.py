"""Running a part of a flow: which of its tasks run, and which are passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from flowbook.flows.model import Flow
from flowbook.kinds.task import Task

from .model import ROOT, Section, TaskRun
from .turn import Turn


def passes(turn: Turn, run: TaskRun, task: Task) -> bool:
    """Whether `only` lets a task run run: its task is named, or is around or inside a named one."""
    wanted: frozenset[str] | None = turn.only
    if wanted is None or run.section is not Section.TASKS or task.id in wanted:
        return True
    parent = run.parent
    while parent != ROOT:
        above = turn.runs[parent]
        if above.task_id in wanted:
            return True
        parent = above.parent
    return _is_around(task, wanted)


def running(flow: Flow, wanted: AbstractSet[str]) -> Iterator[Task]:
    """The tasks of a flow's list that run if these are wanted; tasks around them before those inside."""
    yield from _running(flow.tasks, wanted, inside=False)


def _running(tasks: Sequence[Task], wanted: AbstractSet[str], *, inside: bool) -> Iterator[Task]:
    for task in tasks:
        named = inside or task.id in wanted
        if named or _is_around(task, wanted):
            yield task
            yield from _running(tuple(task.children()), wanted, inside=named)


def _is_around(task: Task, wanted: AbstractSet[str]) -> bool:
    return any(child.id in wanted or _is_around(child, wanted) for child in task.children())
