"""The tasks in a flow's raw values, each with its place: what checks look at before there is a flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..kinds.dynamic import Json
from .source import Path

ROOTS = ("tasks", "errors", "finally", "afterExecution")
LISTS = frozenset(
    {"tasks", "errors", "finally", "then", "else", "defaults", "before", "after", "afterExecution"}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One task as it is written."""

    path: Path
    node: Mapping[str, Json]
    scope: str
    """The root list it belongs to: `tasks`, `errors` …"""
    parent: Entry | None
    id: str | None
    type: str | None


def entries(root: Json) -> Iterator[Entry]:
    """Every task at any depth, each before the ones inside it."""
    if not isinstance(root, Mapping):
        return
    for scope in ROOTS:
        yield from _listed(root.get(scope), (scope,), scope, None)
    listeners = root.get("listeners")
    for index, listener in enumerate(listeners if isinstance(listeners, list) else ()):
        if isinstance(listener, Mapping):
            path = ("listeners", index, "tasks")
            yield from _listed(listener.get("tasks"), path, "listeners", None)


def _listed(items: Json, path: Path, scope: str, parent: Entry | None) -> Iterator[Entry]:
    if not isinstance(items, list):
        return
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            continue
        here = (*path, index)
        if isinstance(item.get("task"), Mapping) and "type" not in item:  # an entry of a Dag
            yield from _one(item["task"], (*here, "task"), scope, parent)
        else:
            yield from _one(item, here, scope, parent)


def _one(node: Mapping[str, Json], path: Path, scope: str, parent: Entry | None) -> Iterator[Entry]:
    written, kind = node.get("id"), node.get("type")
    entry = Entry(
        path,
        node,
        scope,
        parent,
        None if written is None else str(written),
        None if kind is None else str(kind),
    )
    yield entry
    for key, value in node.items():
        if value.__class__ is list:
            if key in LISTS:
                yield from _listed(value, (*path, key), scope, entry)
        elif value.__class__ is dict:
            if key == "cases":
                for case, tasks in value.items():
                    yield from _listed(tasks, (*path, key, case), scope, entry)
            elif key == "task" and "type" in value:
                yield from _one(value, (*path, key), scope, entry)


def named(root: Json, key: str) -> Iterator[tuple[Path, Mapping[str, Json]]]:
    """The maps in a list at the root (`inputs`, `triggers` …), each with its place."""
    items = root.get(key) if isinstance(root, Mapping) else None
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, Mapping):
            yield (key, index), item
