"""A flow as it would run: a picture and a list of its tasks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbook.flows.model import Flow


class FlowPicture:
    """Shows itself as an image in a notebook and as a list elsewhere."""

    def __init__(self, flow: Flow) -> None:
        from flowbook.flows.topology import topology
        from flowbook.views.topology import graph

        self._flow = flow
        self._graph = graph(topology(flow), None)

    def __repr__(self) -> str:
        lines = [self._flow.uid]
        lines += [
            f"{'  ' * (depth + 1)}{node.id}  {node.word}" for node, depth in self._graph.nodes()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from base64 import b64encode

        from flowbook.views.svg import picture

        svg = picture(self._graph, 0.0, name=self._flow.id)
        data = b64encode(svg.encode()).decode()
        return (
            f'<img alt="Graph of {escape(self._flow.uid)}" src="data:image/svg+xml;base64,{data}" '
            f'style="display:block;max-width:100%">'
        )
