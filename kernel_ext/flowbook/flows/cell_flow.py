"""A flow whose tasks are cells, as text: a cell put into it or replaced, the order written down with its
reasons. Pure.

An order that follows from names is written as `after: […]  # from names: …` and follows anew whenever a cell
changes; an `after` without that comment is somebody's word and stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from ..errors import Conflict, NotFound
from ..kinds.dynamic import Json
from .cell_order import Edge, Order, Placed, ordered
from .messages import did_you_mean
from .source import Source, load

CELL = "flowbook.jupyter.Cell"
Said: TypeAlias = tuple[str, ...] | None
"""What a cell is said to come after; `None` if that follows from names."""
FROM_NAMES = "# from names: "
TASKS = re.compile(
    r"^tasks:[^\n]*\n(?:(?:[ \t-][^\n]*)?\n|#[^\n]*\n(?=(?:#[^\n]*\n|\s*\n)*[ \t-]))*", re.MULTILINE
)
"""The list of tasks with what belongs to it: a comment before the next key doesn't."""


@dataclass(frozen=True, slots=True)
class CellFlow:
    """The text of a flow of cells, and the order it is in."""

    text: str
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCell:
    """A cell as somebody writes it."""

    id: str
    code: str
    outputs: tuple[str, ...] = ()
    after: tuple[str, ...] | None = None
    """`None`: it follows from names."""
    instead: str | None = None
    """The cell whose place it takes, if it has another id now."""


def with_cell(text: str | None, uid: tuple[str, str], cell: NewCell) -> CellFlow:
    """The flow with a cell put in or replaced; a new one of namespace and id if there is no text.

    Raises `Conflict` if the flow has other tasks than cells or the order is a circle, `NotFound` for what it
    should come after.
    """
    text = text if text is not None else f"id: {uid[1]}\nnamespace: {uid[0]}\n\ntasks: []\n"
    tasks, said = _read(text)
    others = [task["id"] for task in tasks if task.get("type") != CELL]
    if others:
        raise Conflict(
            f"Flow {'.'.join(uid)} has tasks that are no cells ({', '.join(map(str, others))}): "
            "edit its YAML, or name another flow with --flow"
        )
    if cell.instead is not None:
        tasks, said = _renamed(tasks, said, cell, ".".join(uid))
    known = [task["id"] for task in tasks if task["id"] != cell.id]
    for other in cell.after or ():
        if other not in known:
            hint = did_you_mean(other, known) or f"There are: {', '.join(known) or 'none yet'}."
            raise NotFound(f"Flow {'.'.join(uid)} has no cell '{other}' to come before. {hint}")
    made: dict[str, Json] = {"id": cell.id, "type": CELL, "outputs": list(cell.outputs)}
    made["code"] = cell.code.rstrip("\n") + "\n"
    place = next((n for n, task in enumerate(tasks) if task["id"] == cell.id), len(tasks))
    if place < len(tasks):
        kept = {name: value for name, value in tasks[place].items() if name not in OWN}
        made = {**made, **kept}
    tasks[place:] = [made, *tasks[place + 1 :]]
    return _written(text, tasks, {**said, cell.id: cell.after})


def _renamed(
    tasks: Sequence[dict[str, Json]], said: Mapping[str, Said], cell: NewCell, flow: str
) -> tuple[list[dict[str, Json]], dict[str, Said]]:
    """The tasks with another id for one of them, wherever it stands. Raises `NotFound`, `Conflict`."""
    known = [str(task["id"]) for task in tasks]
    if cell.instead not in known:
        hint = (
            did_you_mean(str(cell.instead), known)
            or f"There are: {', '.join(known) or 'none yet'}."
        )
        raise NotFound(f"Flow {flow} has no cell '{cell.instead}' to take the place of. {hint}")
    if cell.id in known and cell.id != cell.instead:
        raise Conflict(f"Flow {flow} has a cell '{cell.id}' already: run it without --instead")

    def new(name: str) -> str:
        return cell.id if name == cell.instead else name

    return [{**task, "id": new(str(task["id"]))} for task in tasks], {
        new(name): None if after is None else tuple(map(new, after)) for name, after in said.items()
    }


def cells_of(text: str) -> Order:
    """The order that a flow's cells would be in; other tasks count for nothing."""
    tasks, said = _read(text)
    return _ordered([task for task in tasks if task.get("type") == CELL], said)


OWN = ("id", "type", "outputs", "after", "code")


def _read(text: str) -> tuple[list[dict[str, Json]], dict[str, Said]]:
    """The tasks of a flow, and what each of them is said to come after."""
    source = load(text)[0]
    written = source.value.get("tasks") if isinstance(source.value, Mapping) else None
    tasks = [dict(task) for task in written or () if isinstance(task, Mapping) and "id" in task]
    said = {
        str(task["id"]): _said(source, number, task)
        for number, task in enumerate(written or ())
        if isinstance(task, Mapping) and "id" in task
    }
    return tasks, said


def _said(source: Source, number: int, task: Mapping[str, Json]) -> tuple[str, ...] | None:
    if "after" not in task:
        return None
    span = source.span(("tasks", number, "after"))
    line = source.text.split("\n")[span.line - 1] if span is not None else ""
    names = task["after"] if isinstance(task["after"], list) else [task["after"]]
    return None if FROM_NAMES in line else tuple(str(name) for name in names)


def _ordered(tasks: Sequence[Mapping[str, Json]], said: Mapping[str, Said]) -> Order:
    return ordered(
        [
            Placed(id=str(task["id"]), code=str(task.get("code", "")), after=said[str(task["id"])])
            for task in tasks
        ]
    )


def _written(text: str, tasks: Sequence[Mapping[str, Json]], said: Mapping[str, Said]) -> CellFlow:
    order = _ordered(tasks, said)
    if order.circle:
        raise Conflict(f"These cells would wait for each other: {', '.join(order.circle)}")
    by_id = {str(task["id"]): task for task in tasks}
    blocks = [_block(by_id[name], said[name], order.into(name)) for name in order.ids]
    block = "tasks:\n" + "\n".join(blocks)
    text = text.rstrip("\n") + "\n"
    found = TASKS.search(text)
    if found is None:
        return CellFlow(text + "\n" + block, order)
    rest = text[found.end() :]
    return CellFlow(text[: found.start()] + block + ("\n" + rest if rest else ""), order)


def _block(task: Mapping[str, Json], said: tuple[str, ...] | None, edges: Sequence[Edge]) -> str:
    """One cell as YAML, its code last."""
    shown: dict[str, Any] = {"id": task["id"], "type": CELL}
    if task.get("outputs"):
        shown["outputs"] = _Inline(task["outputs"])
    if said is not None or edges:
        shown["after"] = _Inline(said if said is not None else [edge.before for edge in edges])
    shown |= {name: value for name, value in task.items() if name not in OWN}
    shown["code"] = _Code(task.get("code", ""))
    dumped = yaml.dump([shown], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    if said is None and edges:
        dumped = re.sub(
            r"^  after: .*$",
            lambda line: f"{line[0]}  {FROM_NAMES}{_why(edges)}",
            dumped,
            count=1,
            flags=re.M,
        )
    return "".join(f"  {line}" if line.strip() else line for line in dumped.splitlines(True))


def _why(edges: Sequence[Edge]) -> str:
    """`load by frame; plot, total in the order of first run`"""
    reasons: dict[str, list[str]] = {}
    for edge in edges:
        why = edge.why if edge.why.startswith("by ") else "in the order of first run"
        reasons.setdefault(why, []).append(edge.before)
    return "; ".join(f"{', '.join(names)} {why}" for why, names in reasons.items())


class _Inline(list[Any]):
    """A list in one line."""


class _Code(str):
    """Text in a block of its own."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Inline, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, True)
)
_Dumper.add_representer(
    _Code, lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:str", data, "|")
)
