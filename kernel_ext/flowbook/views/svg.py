"""The graph as SVG markup, one part a node (`graph.ts` writes the same, letter by letter)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from importlib import resources

from . import states
from .layout import FIELD, HEAD, Box, Edge, Label, Layout, columns, lay_out
from .topology import Graph, Node
from .words import clock, cut, left, width

Part = tuple[str, str]
"""The key of a node (or of a container's edges), and its markup."""

CORNER = 6


def parts(layout: Layout, now: float) -> Iterator[Part]:
    """The markup of every node, container by container, what lies below first."""
    edges: dict[str, list[Edge]] = {}
    labels: dict[str, list[Label]] = {}
    for edge in layout.edges:
        edges.setdefault(edge.up, []).append(edge)
    for label in layout.labels:
        labels.setdefault(label.up, []).append(label)
    yield from _lines("", edges, labels)
    for box in layout.boxes:
        yield box.node.key, _group(box, now) if box.form in ("open", "grid") else _node(box, now)
        yield from _lines(box.node.key, edges, labels)


def markup(graph: Graph, now: float, *, name: str, closed: frozenset[str] = frozenset()) -> str:
    """The whole graph as one `<svg>` for a page that has the tokens and the icons."""
    layout = lay_out(graph, closed)
    inner = "".join(part for _, part in parts(layout, now))
    return f"{_open(layout, name)}{inner}</svg>"


def picture(graph: Graph, now: float, *, name: str) -> str:
    """The graph as a document of its own: light palette, white card, no reference to anything."""
    layout = lay_out(graph)
    inner = "".join(part for _, part in parts(layout, now))
    card = f'<rect width="{layout.width}" height="{layout.height}" rx="6" fill="#fff"/>'
    used = "".join(symbol for icon, symbol in symbols().items() if f'href="#fb-i-{icon}"' in inner)
    style = f"<style>{static_style()}</style><defs>{used}</defs>"
    return f"{_open(layout, name)}{style}{card}{inner}</svg>"


@cache
def symbols() -> dict[str, str]:
    """The icons as `<symbol>` elements, by name."""
    import json

    text = resources.files(__package__).joinpath("icons.json").read_text(encoding="utf-8")
    return {
        name: f'<symbol id="fb-i-{name}" viewBox="0 0 12 12" {attributes}>{body}</symbol>'
        for name, (attributes, body) in json.loads(text).items()
    }


@cache
def static_style() -> str:
    """The graph's stylesheet with the light palette written out: a picture knows no theme."""
    return resources.files(__package__).joinpath("static.css").read_text(encoding="utf-8")


def _open(layout: Layout, name: str) -> str:
    w, h = layout.width, layout.height
    return (
        f'<svg class="fb-Graph" xmlns="http://www.w3.org/2000/svg" role="tree" '
        f'aria-label="{_text(f"Graph of {name}")}" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
    )


def _text(value: str) -> str:
    return escape(value, quote=True)


def _icon(name: str, x: int, y: int, class_: str = "") -> str:
    more = f' class="{class_}"' if class_ else ""
    return f'<use href="#fb-i-{name}" x="{x}" y="{y}" width="12" height="12"{more}/>'


def _time(node: Node, now: float) -> str:
    """The elapsed time of a task that has started."""
    if node.started is None:
        return ""
    end = node.ended if node.ended is not None else now
    return clock(end - node.started)


def _said(text: str, px: int, room: int) -> str:
    """Text for a `<text>` element, cut, with the whole of it as its title."""
    shown = cut(text, px, room)
    return _text(shown) if shown == text else f"{_text(shown)}<title>{_text(text)}</title>"


def _meta(node: Node, now: float, room: int) -> str:
    """The second line: parts are dropped from the end until it fits."""
    pieces = list(node.meta)
    if node.state == "running" and node.started is not None:
        said = left(node.estimate, now - node.started)
        if said:
            pieces.append(said)
    while len(pieces) > 1 and width(" · ".join(pieces), 11) > room:
        pieces.pop()
    return " · ".join(pieces)


def _attributes(box: Box, class_: str, label: str) -> str:
    node = box.node
    state = f' data-state="{node.state}"' if node.state else ""
    expanded = ""
    if node.kind in ("group", "loop"):
        expanded = f' aria-expanded="{"false" if box.form == "closed" else "true"}"'
    return (
        f'class="{class_}" data-key="{_text(node.key)}"{state} role="treeitem" '
        f'aria-level="{box.level}"{expanded} aria-label="{_text(label)}" '
        f'transform="translate({box.x} {box.y})"'
    )


def _node(box: Box, now: float) -> str:
    node, w, h = box.node, box.w, box.h
    x = 30 if node.state else 12
    strip = bool(node.cells)
    name_y, meta_y = (18, 32) if strip else (20, 35)
    time = "" if box.form == "closed" else _time(node, now)
    room = w - 11 - x
    head = room - (width(time, 11) + 8 if time else 0) - (16 if box.form == "closed" else 0)
    line = _closed(node) if box.form == "closed" else _meta(node, now, room)
    label = ", ".join(filter(None, (node.id, node.state or "not reached", line)))
    out = [
        f"<g {_attributes(box, 'fb-Node', label)}>",
        f'<rect class="fb-ring" x="-3" y="-3" width="{w + 6}" height="{h + 6}" rx="7"/>',
        f'<rect class="fb-box" x=".5" y=".5" width="{w - 1}" height="{h - 1}" rx="4"/>',
    ]
    if node.state:
        out.append(_icon(states.look(node.state).icon, 11, 8))
    out.append(f'<text class="fb-name" x="{x}" y="{name_y}">{_said(node.id, 13, head)}</text>')
    if time:
        out.append(
            f'<text class="fb-meta" x="{w - 11}" y="{name_y}" text-anchor="end">{time}</text>'
        )
    if box.form == "closed":
        out.append(_icon("expand", w - 22, 8, "fb-toggle"))
    class_ = "fb-meta fb-mod-state" if node.state == "failed" else "fb-meta"
    if line:
        out.append(f'<text class="{class_}" x="{x}" y="{meta_y}">{_said(line, 11, room)}</text>')
    if strip:
        out.append(_strip(node.cells, x, w - 11 - x))
    out.append("</g>")
    return "".join(out)


def _closed(node: Node) -> str:
    return " · ".join(filter(None, (node.word, node.count or node.summary)))


_TICKS = {
    "d": " fb-mod-done",
    "c": " fb-mod-copied",
    "r": " fb-mod-running",
    "f": " fb-mod-failed",
}


def _strip(cells: str, x: int, w: int) -> str:
    """One segment a cell; above forty cells one bar."""
    if len(cells) > 40:
        done = sum(letter not in "r." for letter in cells)
        pieces = [(0, w, "."), (0, w * done // len(cells), "f" if "f" in cells else "d")]
    else:
        steps = [w * index // len(cells) for index in range(len(cells) + 1)]
        pieces = [
            (steps[index], steps[index + 1] - steps[index] - 1, letter)
            for index, letter in enumerate(cells)
        ]
    out = []
    for at, wide, letter in pieces:
        y, high = (36, 5) if letter == "f" else (37, 3)
        class_ = f"fb-tick{_TICKS.get(letter, '')}"
        out.append(
            f'<rect class="{class_}" x="{x + at}" y="{y}" width="{max(wide, 1)}" height="{high}"/>'
        )
    return "".join(out)


def _group(box: Box, now: float) -> str:
    node, w, h = box.node, box.w, box.h
    x = 30 if node.state else 12
    room = w - 28 - x - (width(node.count, 11) + 8 if node.count else 0)
    name = cut(node.id, 12, room)
    after = room - width(name, 12) - 6
    word = node.word if width(node.word, 11) <= after else ""
    said = node.count or (node.state or "not reached")
    label = ", ".join(filter(None, (node.id, node.word, node.state or "", said)))
    out = [
        f"<g {_attributes(box, 'fb-Group', label)}>",
        f'<rect class="fb-ring" x="-3" y="-3" width="{w + 6}" height="{h + 6}" rx="9"/>',
        f'<rect class="fb-box" x=".5" y=".5" width="{w - 1}" height="{h - 1}" rx="6"/>',
    ]
    if node.state:
        out.append(_icon(states.look(node.state).icon, 11, 8))
    title = "" if name == node.id else f"<title>{_text(node.id)}</title>"
    kind = f'<tspan class="fb-meta" dx="6">{_text(word)}</tspan>' if word else ""
    out.append(
        f'<text x="{x}" y="18"><tspan class="fb-name">{_text(name)}</tspan>{kind}{title}</text>'
    )
    if node.count:
        out.append(
            f'<text class="fb-meta" x="{w - 28}" y="18" text-anchor="end">{_text(node.count)}</text>'
        )
    out.append(_icon("collapse", w - 22, 8, "fb-toggle"))
    if box.form == "grid":
        out.append(_grid(node, w))
    out.append("</g>")
    return "".join(out)


def _grid(node: Node, w: int) -> str:
    across = columns(node.marks)
    out = []
    for index, letter in enumerate(node.marks):
        x, y = 10 + index % across * FIELD, HEAD + index // across * FIELD
        state = states.BY_LETTER.get(letter)
        title = _text(_field(node, index, state))
        if state is None:
            out.append(
                f'<g class="fb-mark" data-field="{index}"><title>{title}</title>'
                f'<circle cx="{x + 8}" cy="{y + 8}" r="1"/></g>'
            )
            continue
        out.append(
            f'<g class="fb-mark" data-field="{index}" data-state="{state}"><title>{title}</title>'
            f'<rect x="{x}" y="{y}" width="16" height="16" rx="3"/>'
            f"{_icon(states.look(state).icon, x + 2, y + 2)}</g>"
        )
    rows = max(1, -(-len(node.marks) // across))
    if node.summary:
        y = HEAD + rows * FIELD + 14
        out.append(f'<text class="fb-meta" x="12" y="{y}">{_said(node.summary, 11, w - 24)}</text>')
    return "".join(out)


def _field(node: Node, index: int, state: str | None) -> str:
    """What a field of the grid is called."""
    said = state or "to come"
    if node.per_field > 1:
        first = index * node.per_field + 1
        return f"iterations {first:,}–{first + node.per_field - 1:,}: {said}"
    value = f" · {node.titles[index]}" if index < len(node.titles) else ""
    return f"iteration {index + 1}{value}: {said}"


def _lines(up: str, edges: dict[str, list[Edge]], labels: dict[str, list[Label]]) -> Iterator[Part]:
    out = [_edge(edge) for edge in edges.get(up, ())]
    for label in labels.get(up, ()):
        if label.rule:
            y = label.y - LABEL_RISE
            out.append(f'<path class="fb-Rule" d="M{label.x} {y}H{label.x + label.rule}"/>')
        out.append(f'<text class="fb-Word" x="{label.x}" y="{label.y}">{_text(label.text)}</text>')
    if out:
        yield f"lines:{up}", f'<g class="fb-Lines" aria-hidden="true">{"".join(out)}</g>'


LABEL_RISE = 18


def _edge(edge: Edge) -> str:
    class_ = "fb-Edge fb-mod-open" if edge.open else "fb-Edge"
    path = [f"M{edge.points[0][0]} {edge.points[0][1]}"]
    last = len(edge.points) - 1
    for index in range(1, last + 1):
        (x1, y1), (x2, y2) = edge.points[index - 1], edge.points[index]
        end = x2 - 5 if index == last else x2
        if y1 == y2:
            path.append(f"H{end}")
            continue
        middle = (x1 + x2) // 2
        corner = min(CORNER, abs(y2 - y1) // 2)
        step = corner if y2 > y1 else -corner
        path.append(
            f"H{middle - corner}Q{middle} {y1} {middle} {y1 + step}V{y2 - step}"
            f"Q{middle} {y2} {middle + corner} {y2}H{end}"
        )
    x, y = edge.points[-1]
    return (
        f'<path class="{class_}" d="{"".join(path)}"/>'
        f'<path class="fb-Arrow" d="M{x - 6} {y - 3.5}L{x - 1} {y}L{x - 6} {y + 3.5}Z"/>'
    )
