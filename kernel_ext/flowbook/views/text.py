"""A run as plain text: rows of a tree for terminals, and `text/plain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from . import states
from .run import RunView
from .topology import Graph, Lane, Node
from .words import clock, left


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """One task in a terminal; whoever prints it adds colour by `state`."""

    prefix: str
    """The branches of the tree."""
    symbol: str
    name: str
    word: str
    time: str
    note: str
    state: str | None
    key: str

    def __str__(self) -> str:
        line = f"{self.symbol} {self.prefix}{self.name:<{max(24 - len(self.prefix), 1)}} {self.time:>8}"
        return f"{line}  {self.note}".rstrip()


def tree(view: RunView, *, ascii: bool = False) -> list[TextRow]:
    """A row for every task, in the order of the flow, children under their parents."""
    return list(_rows(view.graph, view, ascii=ascii))


def head(view: RunView, *, ascii: bool = False) -> str:
    """`✓ Success  notebook.seattle-weather  1:43  55 task runs`."""
    look = states.look(view.state)
    elapsed = "" if view.elapsed is None else clock(view.elapsed)
    about = ""
    if not view.is_over and view.elapsed is not None:
        said = left(view.estimate, view.elapsed)
        about = f"about {said}" if said else ""
    symbol = look.plain if ascii else look.symbol
    first = f"{symbol} {states.sentence(view.state)}"
    return "  ".join(filter(None, (first, view.name, elapsed, about, view.facts)))


def text(view: RunView, *, ascii: bool = False, limit: int | None = None) -> str:
    """The head, the tree (its first `limit` rows), and the reason of a failure."""
    rows = _rows(view.graph, view, ascii=ascii)
    lines = [head(view, ascii=ascii), *(str(row) for row in islice(rows, limit))]
    if next(rows, None) is not None:
        lines.append("  …")
    if view.failure is not None:
        lines += ["", f"{view.failure.title}: {view.failure.reason}".rstrip(": ")]
        lines += [
            f"{'>' if here else ' '} {number:>4} {line}"
            for number, line, here in view.failure.lines
        ]
    return "\n".join(lines)


def _rows(graph: Graph, view: RunView, *, ascii: bool) -> Iterator[TextRow]:
    yield from _level(graph.children, view, "", ascii=ascii)
    for lane in graph.tails:
        if lane.taken:
            yield _word(lane, "")
            yield from _level(lane.children, view, "", ascii=ascii, top=False)


def _word(lane: Lane, prefix: str) -> TextRow:
    return TextRow(
        prefix=prefix, symbol=" ", name=lane.name, word="", time="", note="", state=None, key=""
    )


def _level(
    nodes: Sequence[Node], view: RunView, prefix: str, *, ascii: bool, top: bool = True
) -> Iterator[TextRow]:
    for index, node in enumerate(nodes):
        last = index == len(nodes) - 1
        turn, down = ("`-", "| ") if ascii else ("└─", "│ ")
        tee = "|-" if ascii else "├─"
        own = "" if top else prefix + (turn if last else tee) + " "
        yield _row(node, view, own, ascii=ascii)
        below = "" if top else prefix + ("  " if last else down) + " "
        yield from _level(node.children, view, below, ascii=ascii, top=False)
        for lane in (*node.lanes, *node.tails):
            if lane.taken and any(child.state for child in lane.children):
                yield from _level(lane.children, view, below, ascii=ascii, top=False)


def _row(node: Node, view: RunView, prefix: str, *, ascii: bool) -> TextRow:
    look = states.look(node.state) if node.state else None
    symbol = " " if look is None else look.plain if ascii else look.symbol
    elapsed = ""
    if node.started is not None:
        elapsed = clock((node.ended if node.ended is not None else view.now) - node.started)
    return TextRow(
        prefix=prefix,
        symbol=symbol,
        name=node.id,
        word=node.word,
        time=elapsed,
        note=note(node, view),
        state=node.state,
        key=node.key,
    )


def note(node: Node, view: RunView) -> str:
    """What stands right of a task: its kind and fact, a loop's counts, a cell's number."""
    if node.kind in ("group", "loop"):
        said_all = node.summary if "·" in node.summary or not node.count else node.count
        return " · ".join(filter(None, (node.word, said_all)))
    said = list(node.meta)
    if node.state == "running" and node.started is not None:
        said.append(left(node.estimate, view.now - node.started))
    elif node.state not in (None, "success", "running", "failed"):
        said.append(str(node.state))
    failure = view.failure
    if failure is not None and failure.run is not None and failure.run == node.run:
        said = [*(one for one in said if one.startswith("failed in")), failure.reason]
    return " · ".join(filter(None, dict.fromkeys(said)))
