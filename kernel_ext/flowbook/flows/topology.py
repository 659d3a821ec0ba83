"""The shape of a flow, as something to draw: tasks, what holds them, and what follows what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..kinds.task import FlowableTask, Hole, Task
from .model import Flow

Node = dict[str, Any]
LOOPS = frozenset(
    {"ForEach", "EachSequential", "EachParallel", "ForEachItem", "Loop", "LoopUntil", "WaitFor"}
)
WIDE = frozenset({"Parallel", "EachParallel"})
CELL = "flowbook.jupyter.Cell"
BRANCHES = frozenset({"If", "Switch"})
OUTSIDE = frozenset({"errors", "finally"})


def topology(flow: Flow) -> Node:
    """The root with `children`, `errors`, `finally`, `afterExecution`; each node as `node` has it."""
    scopes = flow.scopes()
    children = nodes(flow.tasks)
    if not children and flow.is_draft:
        children = [{"id": "", "type": "", "kind": "hole", "children": []}]
    root: Node = {
        "id": flow.id,
        "layout": "chain",
        "children": children,
        "errors": nodes(scopes["errors"]),
        "finally": nodes(scopes["finally"]),
        "afterExecution": nodes([*scopes["afterExecution"], *scopes["listeners"]]),
    }
    if any(_written_dependencies(task) for task in flow.tasks):
        root["layout"] = "dag"
        root["edges"] = _edges(flow.tasks)
    elif edges := _cell_edges(flow.tasks):
        root["layout"] = "dag"
        root["edges"] = edges
    return root


def nodes(tasks: Sequence[Task]) -> list[Node]:
    """A list of tasks; disabled ones aren't drawn."""
    return [node(task) for task in tasks if not (not isinstance(task, Hole) and task.disabled)]


def node(task: Task) -> Node:
    """One task: `id`, `type`, `kind`, and for those that hold others `layout` and `children`."""
    if isinstance(task, Hole):
        return {"id": getattr(task, "id", ""), "type": "", "kind": "hole", "children": []}
    short = short_type(task.type)
    name = type(task).__name__
    made: Node = {"id": task.id, "type": short, "kind": "task", "children": []}
    branches = task.branches()
    inner = {key: tasks for key, tasks in branches.items() if key not in OUTSIDE}
    if not isinstance(task, FlowableTask) and not inner:
        return made
    made["kind"] = "loop" if name in LOOPS else "group"
    made["errors"] = nodes(branches.get("errors", ()))
    made["finally"] = nodes(branches.get("finally", ()))
    tasks = [child for tasks in inner.values() for child in tasks]
    if name in BRANCHES:
        made["layout"] = "branches"
        made["branches"] = [
            {"name": key.removeprefix("cases."), "children": nodes(tasks)}
            for key, tasks in inner.items()
            if tasks
        ]
        return made
    made["children"] = nodes(tasks)
    edges = _dag_edges(task, tasks)
    if edges is not None:
        made["layout"] = "dag"
        made["edges"] = edges
    else:
        made["layout"] = "parallel" if name in WIDE else "chain"
    return made


def short_type(name: str) -> str:
    """`io.kestra.plugin.core.log.Log` → `core.log.Log`."""
    return name.removeprefix("io.kestra.plugin.")


def _dag_edges(task: Task, tasks: Sequence[Task]) -> list[list[str]] | None:
    if type(task).__name__ != "Dag":
        return _edges(tasks) if any(_written_dependencies(child) for child in tasks) else None
    present = {child.stands_for: str(child.id) for child in tasks}
    edges = []
    for item in getattr(task, "tasks", ()):
        inner = getattr(item, "task", item)
        for other in getattr(item, "depends_on", None) or ():
            if other in present:
                edges.append([present[other], str(inner.id)])
    return edges


def _edges(tasks: Sequence[Task]) -> list[list[str]]:
    present = {task.stands_for: str(task.id) for task in tasks}
    return [
        [present[other], str(task.id)]
        for task in tasks
        for other in _written_dependencies(task)
        if other in present
    ]


def _cell_edges(tasks: Sequence[Task]) -> list[list[str]]:
    """What comes after what in a flow of nothing but cells: they run in turn, for these reasons."""
    if any(task.type != CELL for task in tasks):
        return []
    present = {task.id for task in tasks}
    return [
        [str(other), str(task.id)]
        for task in tasks
        for other in task.after or ()
        if other in present
    ]


def _written_dependencies(task: Task) -> list[str]:
    written = getattr(task, "depends_on", None)
    if isinstance(written, str):
        return [written]
    if isinstance(written, Mapping) or not written:
        return []
    return [str(each) for each in written]
