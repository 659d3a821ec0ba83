"""A flow's tree and what its task runs say, as the nodes of the graph.

`graph` walks the tree once and looks at every task run once, so a display can ask for it ten times a second.
What runs inside a loop isn't drawn task by task: an iteration is one letter in `Node.marks`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import states
from .facts import fact, word
from .words import moment, one_line, plural

Row: TypeAlias = Mapping[str, Any]
Json: TypeAlias = Any

GRID_ABOVE = 50
"""A group with more children than this is drawn as a grid."""
TITLED = 100
"""A grid with more fields doesn't say their values."""
FIELDS = 480
"""Fields a grid has at most; beyond, one stands for several iterations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Tasks in a row under one word: a branch, `errors`, `finally`, `afterExecution`."""

    name: str
    children: tuple[Node, ...]
    taken: bool = True

    def to_json(self) -> dict[str, Json]:
        """Only what differs from the default is written."""
        out: dict[str, Json] = {
            "name": self.name,
            "children": [node.to_json() for node in self.children],
        }
        return out if self.taken else {**out, "taken": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One task as the graph shows it."""

    id: str
    key: str
    """The path of ids that leads here, unique in the graph."""
    kind: str
    """`task`, `group`, `loop` or `hole`."""
    type: str = ""
    word: str = ""
    state: str | None = None
    """None: not reached, so no icon."""
    run: str | None = None
    """The id of the task run."""
    started: float | None = None
    ended: float | None = None
    estimate: float | None = None
    """Seconds it is expected to take."""
    meta: tuple[str, ...] = ()
    """The second line; when there is no room the last ones go first."""
    cells: str = ""
    """One letter a notebook cell: d(one) r(unning) f(ailed) c(opied) s(kipped) or `.`."""
    count: str = ""
    """Right in a group's head: `31 of 48`."""
    marks: str = ""
    """One letter a field of the grid, `.` for one to come."""
    titles: tuple[str, ...] = ()
    """What the fields stand for, when there are few enough to say it."""
    per_field: int = 1
    """Iterations one field stands for."""
    summary: str = ""
    """Under the grid: `31 success · 4 running`."""
    layout: str = "chain"
    children: tuple[Node, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    lanes: tuple[Lane, ...] = ()
    """Branches of an If or Switch."""
    tails: tuple[Lane, ...] = ()
    """`errors` and `finally`, under a thin line."""

    def to_json(self) -> dict[str, Json]:
        """The node for the browser; what is empty is left out."""
        out: dict[str, Json] = {"id": self.id, "key": self.key, "kind": self.kind}
        for name in ("type", "word", "state", "run", "started", "ended", "estimate", "cells"):
            value = getattr(self, name)
            if value not in (None, ""):
                out[name] = value
        for name in ("meta", "titles", "edges"):
            if value := getattr(self, name):
                out[name] = list(value)
        for name in ("count", "marks", "summary"):
            if value := getattr(self, name):
                out[name] = value
        if self.per_field > 1:
            out["perField"] = self.per_field
        if self.kind != "task":
            out["layout"] = self.layout
        for name in ("children", "lanes", "tails"):
            if value := getattr(self, name):
                out[name] = [item.to_json() for item in value]
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All nodes of one execution: the main chain and what stands under it."""

    children: tuple[Node, ...]
    layout: str = "chain"
    """`dag` when tasks of the flow name what they wait for."""
    edges: tuple[tuple[str, str], ...] = ()
    tails: tuple[Lane, ...] = ()
    expected: int = 0
    """Task runs there will be in the end, as far as is known."""

    def to_json(self) -> dict[str, Json]:
        """The graph for the browser."""
        out: dict[str, Json] = {"children": [node.to_json() for node in self.children]}
        if self.layout != "chain":
            out["layout"] = self.layout
            out["edges"] = [list(edge) for edge in self.edges]
        if self.tails:
            out["tails"] = [lane.to_json() for lane in self.tails]
        return out

    def nodes(self) -> Iterable[tuple[Node, int]]:
        """Every node with its depth, in the order of the flow."""
        yield from _walk(self.children, 0)
        for lane in self.tails:
            yield from _walk(lane.children, 0)


def _walk(nodes: Iterable[Node], depth: int) -> Iterable[tuple[Node, int]]:
    for node in nodes:
        yield node, depth
        yield from _walk(node.children, depth + 1)
        for lane in (*node.lanes, *node.tails):
            yield from _walk(lane.children, depth + 1)


def parsed(value: object) -> Any:
    """JSON columns come as text or already parsed."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


class Runs:
    """The rows of one execution, found by parent and by task."""

    def __init__(
        self,
        task_runs: Iterable[Row] | None,
        cells: Iterable[Row] = (),
        outputs: Iterable[Row] = (),
        estimates: Mapping[str, float] | None = None,
    ) -> None:
        self.children: dict[str | None, list[Row]] = defaultdict(list)
        self.by_task: dict[str, Row] = {}
        self.live = task_runs is not None
        """False: the picture of a flow, not of an execution."""
        for run in task_runs or ():
            self.children[run.get("parent_id") or None].append(run)
            self.by_task[run["task_id"]] = run
        self.cells: dict[str, list[Row]] = defaultdict(list)
        for cell in cells:
            self.cells[cell["task_run_id"]].append(cell)
        self.outputs = {row["task_run_id"]: row.get("outputs") for row in outputs}
        self.estimates = estimates or {}

    def latest_cells(self, run: Row) -> list[Row]:
        """The cells of a task run's last attempt, in order; a later record replaces an earlier one."""
        rows = self.cells.get(run["id"], [])
        if not rows:
            return []
        last = max(row.get("attempt") or 0 for row in rows)
        latest = {row["cell"]: row for row in rows if (row.get("attempt") or 0) == last}
        return [latest[number] for number in sorted(latest)]


def graph(
    tree: Row,
    task_runs: Iterable[Row] | None,
    cells: Iterable[Row] = (),
    outputs: Iterable[Row] = (),
    *,
    estimates: Mapping[str, float] | None = None,
) -> Graph:
    """The nodes of a flow's tree with what its task runs, cells and outputs say about them.

    `task_runs` is None for the picture of a flow without an execution.
    """
    return graph_of(tree, Runs(task_runs, cells, outputs, estimates))


def graph_of(tree: Row, runs: Runs, *, over: bool = False) -> Graph:
    """The same, from rows that are indexed already; `over`: what hasn't started never will."""
    maker = _Maker(runs, over=over)
    top = {row["task_id"]: row for row in runs.children.get(None, ())}
    children = maker.nodes(tree.get("children", ()), "", top, counts=True)
    tails = maker.tails(tree, "", top)
    return Graph(
        children=children,
        layout=tree.get("layout") or "chain",
        edges=tuple((edge[0], edge[1]) for edge in tree.get("edges", ())),
        tails=tails,
        expected=maker.expected,
    )


_CELLS = {
    "success": "d",
    "done": "d",
    "running": "r",
    "failed": "f",
    "killed": "f",
    "stopped": "f",
    "copied": "c",
    "skipped": "s",
}


class _Maker:
    """Turns tree nodes into graph nodes, and counts the task runs to expect on the way."""

    def __init__(self, runs: Runs, *, over: bool) -> None:
        self.runs = runs
        self.over = over
        self.expected = 0

    def nodes(
        self, tree: Sequence[Row], prefix: str, found: Mapping[str, Row], *, counts: bool
    ) -> tuple[Node, ...]:
        return tuple(self.node(node, prefix, found, counts=counts) for node in tree)

    def node(self, tree: Row, prefix: str, found: Mapping[str, Row], *, counts: bool) -> Node:
        run = found.get(tree["id"])
        if counts or run is not None:
            self.expected += 1
        kind = tree.get("kind", "task")
        if kind == "loop":
            return self.loop(tree, prefix, run, counts=counts)
        if kind == "group":
            return self.group(tree, prefix, run, counts=counts)
        return self.task(tree, prefix, run)

    def common(self, tree: Row, prefix: str, run: Row | None) -> dict[str, Any]:
        kind, type_ = tree.get("kind", "task"), tree.get("type") or ""
        out: dict[str, Any] = {
            "id": tree["id"],
            "key": prefix + tree["id"],
            "kind": kind,
            "type": type_,
            "word": tree.get("label")
            or (type_.rpartition(".")[2] if kind in ("group", "loop") else word(type_)),
            "estimate": self.runs.estimates.get(tree["id"]),
        }
        if run is not None:
            state = states.name_of(run["state"])
            out |= {
                "state": state,
                "run": run["id"],
                "started": moment(run.get("started_at")),
                "ended": moment(run.get("ended_at")) if state in states.ENDED else None,
            }
        return out

    def task(self, tree: Row, prefix: str, run: Row | None) -> Node:
        common = self.common(tree, prefix, run)
        if run is None:
            words = (common["word"], "not reached" if self.over else "")
            return Node(**common, meta=tuple(filter(None, words)))
        cells, line = self.cells(run, common["state"])
        if line:
            return Node(**common, cells=cells, meta=(line,))
        return Node(**common, meta=(common["word"], *self.facts(run, common["state"])))

    def facts(self, run: Row, state: str) -> tuple[str, ...]:
        if state == "failed" and (error := parsed(run.get("error"))):
            said = error.get("message") if isinstance(error, Mapping) else error
            return (one_line(str(said or ""), 60),) if said else ()
        progress = parsed(run.get("progress"))
        if state == "running" and isinstance(progress, Mapping):
            if progress.get("text"):
                return (one_line(str(progress["text"]), 60),)
            if isinstance(fraction := progress.get("fraction"), int | float):
                return (f"{int(100 * fraction)} %",)
        if state == "skipped":
            return ("skipped",)
        said = fact(parsed(self.runs.outputs.get(run["id"])))
        return (said,) if said else ()

    def cells(self, run: Row, state: str) -> tuple[str, str]:
        """The strip of a notebook's cells and the line above it."""
        rows = self.runs.latest_cells(run)
        total = max((row["cell"] for row in rows), default=0)
        if not total:
            return "", ""
        strip = ["."] * total
        for row in rows:
            if row["cell"]:  # 0 is the cell of injected parameters
                strip[row["cell"] - 1] = _CELLS.get(states.name_of(row["state"]), ".")
        for index, letter in enumerate(strip):
            if letter == "f":
                verb = "stopped" if state in ("killed", "cancelled") else "failed"
                return "".join(strip), f"{verb} in cell {index + 1} of {total}"
        for index, letter in enumerate(strip):
            if letter == "r" and state not in states.ENDED:
                return "".join(strip), f"cell {index + 1} of {total}"
        if state in states.ENDED:
            return "".join(strip), plural(total, "cell")
        done = sum(letter != "." for letter in strip)
        return "".join(strip), f"{done} of {plural(total, 'cell')}"

    def tails(
        self, tree: Row, prefix: str, found: Mapping[str, Row], *, counts: bool = True
    ) -> tuple[Lane, ...]:
        out = []
        for name in ("errors", "finally", "afterExecution"):
            if children := tree.get(name):
                # `errors` are expected only once one of them has started
                sure = counts and name != "errors"
                made = self.nodes(children, prefix, found, counts=sure)
                taken = sure or any(node.state for node in made)
                out.append(Lane(name=name, children=made, taken=taken))
        return tuple(out)

    def unwritten(self, tree: Row, rows: Sequence[Row]) -> list[Row]:
        """What ran inside a group without standing in the flow's text: the tasks of a template."""
        if tree.get("children") or tree.get("branches"):
            return []
        tails = {each["id"] for name in ("errors", "finally") for each in tree.get(name) or ()}
        found = {row["task_id"]: row for row in rows if row["task_id"] not in tails}
        return [
            {
                "id": row["task_id"],
                "type": (row.get("type") or "").removeprefix("io.kestra.plugin."),
                "kind": "group" if row["id"] in self.runs.children else "task",
                "children": [],
            }
            for row in found.values()
        ]

    def group(self, tree: Row, prefix: str, run: Row | None, *, counts: bool) -> Node:
        common = self.common(tree, prefix, run)
        inner = common["key"] + "/"
        rows = self.runs.children.get(run["id"], ()) if run is not None else ()
        found = {row["task_id"]: row for row in rows}
        written = [*tree.get("children", ()), *self.unwritten(tree, rows)]
        children = self.nodes(written, inner, found, counts=counts)
        lanes = []
        branches = tree.get("branches", ())
        chosen = [any(child["id"] in found for child in b["children"]) for b in branches]
        for index, branch in enumerate(branches):
            taken = chosen[index] or not (found or (run is not None and _is_over(run)))
            counted = counts and (chosen[index] or (not any(chosen) and index == 0))
            made = self.nodes(branch["children"], inner, found, counts=counted)
            lanes.append(Lane(name=branch.get("name", ""), children=made, taken=taken))
        tails = self.tails(tree, inner, found, counts=counts)
        inside = [*children, *(node for lane in lanes if lane.taken for node in lane.children)]
        ended = sum(node.state in states.ENDED for node in inside)
        counted_text = f"{ended} of {len(inside)}" if run is not None and inside else ""
        layout = tree.get("layout") or ("branches" if branches else "chain")
        marks, titles, per_field, summary = _NO_GRID
        if len(children) > GRID_ABOVE:
            marks, titles, per_field, summary = _grid(
                [node.state or "" for node in children],
                [node.id for node in children],
                len(children),
            )
        return Node(
            **common,
            count=counted_text,
            marks=marks,
            titles=titles,
            per_field=per_field,
            summary=summary,
            layout=layout,
            children=() if marks else children,
            edges=tuple((edge[0], edge[1]) for edge in tree.get("edges", ())),
            lanes=tuple(lanes),
            tails=tails,
        )

    def loop(self, tree: Row, prefix: str, run: Row | None, *, counts: bool) -> Node:
        common = self.common(tree, prefix, run)
        each = [child["id"] for child in tree.get("children", ())]
        if run is None:
            # in a run the grid's room is kept free, so that little moves when the loop starts
            if self.runs.live:
                return Node(**common, layout="grid", summary=" · ".join(each))
            inner = common["key"] + "/"
            children = self.nodes(tree.get("children", ()), inner, {}, counts=False)
            return Node(**common, layout="chain", children=children)
        lanes: dict[object, list[Row]] = {}
        for row in self.runs.children.get(run["id"], ()):
            iteration = row.get("iteration")
            lanes.setdefault(row.get("value") if iteration is None else iteration, []).append(row)
        total = max(_total(run), len(lanes))
        numbers = [key for key in lanes if isinstance(key, int)]
        order = sorted(numbers) if len(numbers) == len(lanes) else list(lanes)
        seen = [
            states.lane_state([_STATE[row["state"]] for row in lanes[key]], len(each))
            for key in order
        ]
        few = len(order) <= TITLED
        values = [_said(lanes[key][0].get("value")) for key in order] if few else []
        marks, titles, per_field, summary = _grid(seen, values, total)
        ended = sum(state in states.ENDED for state in seen)
        tails = self.tails(tree, common["key"] + "/", {}, counts=False)
        if counts:
            self.expected += total * _size(tree.get("children", ()))
        return Node(
            **common,
            layout="grid",
            count=f"{ended} of {total}" if total else "",
            marks=marks,
            titles=titles,
            per_field=per_field,
            summary=summary or ("nothing to do" if common["state"] in states.ENDED else ""),
            tails=tails,
        )


_Grid: TypeAlias = tuple[str, tuple[str, ...], int, str]
_NO_GRID: _Grid = ("", (), 1, "")


def _is_over(run: Row) -> bool:
    return states.name_of(run["state"]) in states.ENDED


def _total(run: Row) -> int:
    """Iterations the loop said it has."""
    progress = parsed(run.get("progress"))
    lanes = progress.get("lanes") if isinstance(progress, Mapping) else None
    return lanes if isinstance(lanes, int) else 0


def _said(value: object) -> str:
    """An iteration's value, as the title of its field."""
    if value is None:
        return ""
    return one_line(value if isinstance(value, str) else json.dumps(value, default=str), 40)


class _Names(dict[object, str]):
    """State names as they are shown, by whatever the rows call them: a thousand rows say a dozen."""

    def __missing__(self, state: object) -> str:
        self[state] = name = states.name_of(state)
        return name


_STATE = _Names()


def _size(tree: Sequence[Row]) -> int:
    """Task runs one round of these tasks makes, loops inside left out."""
    return sum(
        1 + (_size(node.get("children", ())) if node.get("kind") == "group" else 0) for node in tree
    )


def _grid(seen: Sequence[str], values: Sequence[str], total: int) -> _Grid:
    """Marks, titles, iterations a field, and the counts in words."""
    per_field = -(-total // FIELDS) if total > FIELDS else 1
    marks = []
    for start in range(0, total, per_field):
        several = [state for state in seen[start : start + per_field] if state]
        marks.append(states.look(states.worst(several)).letter if several else ".")
    titles = tuple(values) if total <= TITLED and any(values) else ()
    counts: dict[str, int] = defaultdict(int)
    for state in seen:
        if state:
            counts[state] += 1
    first = sorted(counts, key=lambda state: (state != "success", list(states.LOOKS).index(state)))
    words = [f"{counts[state]:,} {state}" for state in first]
    to_come = total - sum(counts.values())
    if to_come > 0:
        words.append(f"{to_come:,} to come")
    return "".join(marks), titles, per_field, " · ".join(words)
