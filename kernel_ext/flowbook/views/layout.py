"""Where the nodes of a graph stand: left to right, every container on its own (`layout.ts` does the same).

All numbers are whole pixels, so that both sides agree to the letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .topology import Graph, Lane, Node

NODE_W, NODE_H = 176, 44
RANK_GAP, SIBLING_GAP = 24, 8
HEAD, PAD = 28, 12
FIELD = 16
GRID_W = 236
LABEL = 20
COLUMN = 8
"""Children of a Parallel that stand in one column."""
MARGIN = 4

Point = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node in its place."""

    node: Node
    x: int
    y: int
    w: int
    h: int
    level: int
    form: str
    """`leaf`, `closed`, `grid` or `open`."""
    up: str = ""
    """Key of the container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line from a right border to a left one, through waypoints in the corridors."""

    points: tuple[Point, ...]
    open: bool = False
    """Dashed: the branch wasn't taken."""
    up: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word over a lane, with a thin line above it when `rule` is its width."""

    text: str
    x: int
    y: int
    rule: int = 0
    up: str = ""


@dataclass(slots=True)
class Layout:
    """A graph in its place."""

    width: int = 0
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def lay_out(graph: Graph, closed: frozenset[str] = frozenset()) -> Layout:
    """Every node of the graph in its place; `closed` names the collapsed groups."""
    place = _Place(closed)
    if graph.layout == "dag":
        dag = _Dag(place, graph.children, graph.edges, "")
        w, h = dag.size()
        dag.put(MARGIN, MARGIN, h, 1)
    else:
        w, h = place.chain_size(graph.children)
        place.chain(graph.children, MARGIN, MARGIN, h, level=1, up="", dashed=False)
    w, h = place.tails(graph.tails, MARGIN, MARGIN, w, h, level=1, up="")
    place.out.width, place.out.height = w + 2 * MARGIN, h + 2 * MARGIN
    return place.out


def columns(marks: str) -> int:
    """Fields in a row of a grid."""
    return 12 if len(marks) <= 60 else 24


class _Place:
    def __init__(self, closed: frozenset[str]) -> None:
        self.closed = closed
        self.out = Layout()
        self.sizes: dict[str, Point] = {}

    def form(self, node: Node) -> str:
        if node.kind not in ("group", "loop"):
            return "leaf"
        if node.key in self.closed:
            return "closed"
        if node.layout == "grid" or node.marks:
            return "grid"
        return "open" if node.children or node.lanes else "closed"

    def size(self, node: Node) -> Point:
        if node.key not in self.sizes:
            self.sizes[node.key] = self.measure(node)
        return self.sizes[node.key]

    def measure(self, node: Node) -> Point:
        form = self.form(node)
        if form in ("leaf", "closed"):
            return NODE_W, NODE_H
        if form == "grid":
            across = columns(node.marks)
            rows = max(1, -(-len(node.marks) // across))
            w, h = max(GRID_W, across * FIELD + 20) - 2 * PAD, rows * FIELD + 16
        else:
            w, h = self.inner_size(node)
        w = max(w, NODE_W)
        w, h = self.tails_size(node.tails, w, h)
        return w + 2 * PAD, HEAD + h + PAD

    def inner_size(self, node: Node) -> Point:
        if node.lanes:
            sizes = [self.chain_size(lane.children) for lane in node.lanes]
            height = sum(h + LABEL for _, h in sizes) + SIBLING_GAP * (len(sizes) - 1)
            return max(w for w, _ in sizes), height
        if node.layout == "parallel":
            return self.columns_size(node.children)
        if node.layout == "dag":
            return _Dag(self, node.children, node.edges, node.key).size()
        return self.chain_size(node.children)

    def chain_size(self, nodes: Sequence[Node]) -> Point:
        if not nodes:
            return 0, 0
        sizes = [self.size(node) for node in nodes]
        return sum(w for w, _ in sizes) + RANK_GAP * (len(sizes) - 1), max(h for _, h in sizes)

    def columns_size(self, nodes: Sequence[Node]) -> Point:
        stacks = _stacks(nodes)
        widths = [max(self.size(node)[0] for node in stack) for stack in stacks]
        heights = [
            sum(self.size(node)[1] for node in stack) + SIBLING_GAP * (len(stack) - 1)
            for stack in stacks
        ]
        return sum(widths) + SIBLING_GAP * (len(widths) - 1), max(heights, default=0)

    def tails_size(self, tails: Sequence[Lane], w: int, h: int) -> Point:
        for lane in tails:
            lane_w, lane_h = self.chain_size(lane.children)
            w, h = max(w, lane_w), h + PAD + LABEL + lane_h
        return w, h

    def put(
        self, node: Node, x: int, y: int, w: int, level: int, up: str, *, dashed: bool = False
    ) -> None:
        form = self.form(node)
        natural, h = self.size(node)
        w = max(w, natural)
        self.out.boxes.append(Box(node=node, x=x, y=y, w=w, h=h, level=level, form=form, up=up))
        if form in ("leaf", "closed"):
            return
        left, top, room = x + PAD, y + HEAD, w - 2 * PAD
        inner_h = h - HEAD - PAD - self.tails_size(node.tails, 0, 0)[1]
        if form == "open":
            self.inside(node, left, top, room, inner_h, level + 1, dashed=dashed)
        self.tails(node.tails, left, top, room, inner_h, level + 1, node.key)

    def inside(
        self, node: Node, x: int, y: int, w: int, h: int, level: int, *, dashed: bool
    ) -> None:
        if node.lanes:
            for lane in node.lanes:
                self.out.labels.append(Label(text=lane.name, x=x, y=y + 12, up=node.key))
                y += LABEL
                lane_h = self.chain_size(lane.children)[1]
                off = dashed or not lane.taken
                self.chain(lane.children, x, y, lane_h, level, node.key, w=w, dashed=off)
                y += lane_h + SIBLING_GAP
        elif node.layout == "parallel":
            self.stacks(node, x, y, w, level)
        elif node.layout == "dag":
            _Dag(self, node.children, node.edges, node.key).put(x, y, h, level)
        else:
            self.chain(node.children, x, y, h, level, node.key, w=w, dashed=dashed)

    def stacks(self, node: Node, x: int, y: int, w: int, level: int) -> None:
        stacks = _stacks(node.children)
        for stack in stacks:
            wide = w if len(stacks) == 1 else max(self.size(child)[0] for child in stack)
            top = y
            for child in stack:
                self.put(child, x, top, wide, level, node.key)
                top += self.size(child)[1] + SIBLING_GAP
            x += wide + SIBLING_GAP

    def chain(
        self,
        nodes: Sequence[Node],
        x: int,
        y: int,
        h: int,
        level: int,
        up: str,
        *,
        w: int = 0,
        dashed: bool,
    ) -> None:
        middle = y + h // 2
        for index, node in enumerate(nodes):
            natural, height = self.size(node)
            wide = w if len(nodes) == 1 and w else natural
            if index:
                points = ((x - RANK_GAP, middle), (x, middle))
                self.out.edges.append(Edge(points=points, open=dashed, up=up))
            self.put(node, x, middle - height // 2, wide, level, up, dashed=dashed)
            x += wide + RANK_GAP

    def tails(
        self, tails: Sequence[Lane], x: int, y: int, w: int, h: int, level: int, up: str
    ) -> Point:
        full = self.tails_size(tails, w, h)[0]
        for lane in tails:
            top = y + h + PAD
            self.out.labels.append(Label(text=lane.name, x=x, y=top + 12, rule=full, up=up))
            lane_h = self.chain_size(lane.children)[1]
            self.chain(lane.children, x, top + LABEL, lane_h, level, up, dashed=not lane.taken)
            h += PAD + LABEL + lane_h
        return full, h


def _stacks(nodes: Sequence[Node]) -> list[Sequence[Node]]:
    """Children without edges in columns of at most `COLUMN`."""
    across = -(-len(nodes) // COLUMN) or 1
    deep = -(-len(nodes) // across) or 1
    return [nodes[start : start + deep] for start in range(0, len(nodes), deep)]


class _Dag:
    """Columns by longest path; an edge over several columns gets a waypoint in each between."""

    def __init__(
        self, place: _Place, nodes: Sequence[Node], edges: Sequence[tuple[str, str]], up: str
    ) -> None:
        self.place = place
        self.up = up
        self.by_id = {child.id: child for child in nodes}
        self.edges = [e for e in edges if e[0] in self.by_id and e[1] in self.by_id]
        ranks = self.ranks()
        depth = max(ranks.values(), default=-1) + 1
        self.ranked: list[list[str]] = [[] for _ in range(depth)]
        for name in self.by_id:
            self.ranked[ranks[name]].append(name)
        self.paths: list[list[str]] = []
        for index, (start, end) in enumerate(self.edges):
            path = [start]
            for rank in range(ranks[start] + 1, ranks[end]):
                path.append(f"\0{index}.{rank}")
                self.ranked[rank].append(path[-1])
            self.paths.append([*path, end])
        self.order()

    def ranks(self) -> dict[str, int]:
        ranks = dict.fromkeys(self.by_id, 0)
        for _ in ranks:  # at most one round a node, so a cycle can't hang it
            moved = False
            for start, end in self.edges:
                if ranks[end] <= ranks[start] < len(ranks) - 1:
                    ranks[end] = ranks[start] + 1
                    moved = True
            if not moved:
                break
        return ranks

    def order(self) -> None:
        """Sort each column by the mean place of what leads to it (Sugiyama's barycenter)."""
        before: dict[str, list[str]] = {}
        for path in self.paths:
            for start, end in pairwise(path):
                before.setdefault(end, []).append(start)
        for rank in range(1, len(self.ranked)):
            at = {name: index for index, name in enumerate(self.ranked[rank - 1])}

            def weight(name: str, at: dict[str, int] = at) -> int:
                places = [at[one] for one in before.get(name, ()) if one in at]
                return sum(places) * 1000 // len(places) if places else 0

            self.ranked[rank].sort(key=weight)

    def box(self, name: str) -> Point:
        return self.place.size(self.by_id[name]) if name in self.by_id else (0, SIBLING_GAP)

    def column(self, names: Sequence[str]) -> Point:
        sizes = [self.box(name) for name in names]
        height = sum(h for _, h in sizes) + SIBLING_GAP * (len(sizes) - 1)
        return max((w for w, _ in sizes), default=0), height

    def size(self) -> Point:
        sizes = [self.column(names) for names in self.ranked]
        width = sum(w for w, _ in sizes) + RANK_GAP * (len(sizes) - 1) if sizes else 0
        return width, max((h for _, h in sizes), default=0)

    def put(self, x: int, y: int, h: int, level: int) -> None:
        left: dict[str, Point] = {}
        right: dict[str, Point] = {}
        placed: list[tuple[str, int, int, int]] = []
        for names in self.ranked:
            wide, high = self.column(names)
            top = y + (h - high) // 2
            for name in names:
                height = self.box(name)[1]
                middle = top + height // 2
                left[name], right[name] = (x, middle), (x + wide, middle)
                if name in self.by_id:
                    placed.append((name, x, top, wide))
                top += height + SIBLING_GAP
            x += wide + RANK_GAP
        for path in self.paths:
            points: list[Point] = [right[path[0]]]
            for name in path[1:-1]:
                points += [left[name], right[name]]
            points.append(left[path[-1]])
            self.place.out.edges.append(Edge(points=tuple(points), up=self.up))
        for name, at_x, at_y, wide in placed:
            self.place.put(self.by_id[name], at_x, at_y, wide, level, self.up)
