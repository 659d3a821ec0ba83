"""A run as HTML that survives an untrusted notebook: inline style, one data-URI picture, no script, class or svg."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from html import escape

from . import states
from .run import RunView
from .svg import picture
from .text import note
from .topology import Node
from .words import clock

PICTURED = 60
"""Above this many nodes a running execution has no picture, above twice as many none at all: the table says it.

Four fields of a grid count as a node."""
LISTED = 60

_CELL = "text-align:{};padding:2px 16px 2px 0;border:0"


def html(view: RunView) -> str:
    """Head line, picture, table, and where it lives."""
    return (
        f'<div style="font-size:13px">{_head(view)}{_picture(view)}{_table(view)}{_failure(view)}'
        f'<div style="margin-top:8px;font-size:12px">Saved picture of this run. '
        f"<code>%flow show {escape(view.short)}</code> shows it live.</div></div>"
    )


def _head(view: RunView) -> str:
    said = [escape(view.name)]
    if view.elapsed is not None:
        said.append(clock(view.elapsed))
    if view.started is not None:
        at = datetime.fromtimestamp(view.started).astimezone()
        said.append(f"{at.day} {at:%b %Y, %H:%M}")
    state = f"<b>{states.look(view.state).symbol} {escape(view.state)}</b>"
    line = " &nbsp;·&nbsp; ".join(said)
    return f'<div style="margin-bottom:8px">{state} &nbsp;{line}</div>'


def _picture(view: RunView) -> str:
    parts = sum(1 + len(node.marks) // 4 for node, _ in view.graph.nodes())
    if parts > (2 * PICTURED if view.is_over else PICTURED):
        return ""
    svg = picture(view.graph, view.now, name=view.flow)
    data = b64encode(svg.encode()).decode()
    return (
        f'<img alt="{escape(_alt(view))}" src="data:image/svg+xml;base64,{data}" '
        f'style="display:block;max-width:100%;margin-bottom:8px">'
    )


def _alt(view: RunView) -> str:
    said = view.failure.title if view.failure else f"{view.flow} {view.state}"
    after = f"; {', '.join(view.waiting[:6])} not reached" if view.waiting and view.is_over else ""
    return f"Graph: {said}{after}"


def _table(view: RunView) -> str:
    heads = "".join(
        f'<th style="{_CELL.format(side)}">{name}</th>'
        for name, side in (("State", "left"), ("Task", "left"), ("Time", "right"), ("Note", "left"))
    )
    reached = [(node, depth) for node, depth in view.graph.nodes() if node.state is not None]
    rows = [_task(node, depth, view) for node, depth in reached[:LISTED]]
    if len(reached) > LISTED:
        rows.append(_row("", f"and {len(reached) - LISTED:,} more", "", "", 0))
    if waiting := view.waiting:
        more = f" and {len(waiting) - 8:,} more" if len(waiting) > 8 else ""
        word = "– not reached" if view.is_over else "– to come"
        rows.append(_row(word, ", ".join(waiting[:8]) + more, "", "", 0))
    return (
        f'<table style="border-collapse:collapse;font-size:12px;border:0"><thead><tr>{heads}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _task(node: Node, depth: int, view: RunView) -> str:
    state = f"{states.look(node.state or '').symbol} {node.state}"
    return _row(state, node.id, _time(node, view), note(node, view), depth)


def _time(node: Node, view: RunView) -> str:
    if node.started is None:
        return ""
    return clock((node.ended if node.ended is not None else view.now) - node.started)


def _row(state: str, name: str, time: str, said: str, depth: int) -> str:
    left, right = _CELL.format("left"), _CELL.format("right")
    indent = "&nbsp;&nbsp;" * min(depth, 8)
    return (
        f'<tr style="background:none"><td style="{left}">{escape(state)}</td>'
        f'<td style="{left}">{indent}{escape(name)}</td><td style="{right}">{escape(time)}</td>'
        f'<td style="{left}">{escape(said)}</td></tr>'
    )


def _failure(view: RunView) -> str:
    if view.failure is None or not view.failure.lines:
        return ""
    lines = "\n".join(
        f"{'▸' if here else ' '} {number:>3} {line}" for number, line, here in view.failure.lines
    )
    title = f"{view.failure.title}: {view.failure.reason}"
    return (
        f'<div style="margin-top:8px"><b>{escape(title)}</b></div>'
        f'<pre style="font-size:12px;margin:4px 0">{escape(lines)}</pre>'
    )
