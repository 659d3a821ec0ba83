"""`/flows`: what there is to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.engine.watching import flows_in
from flowbook.engine.workspace import Workspace
from flowbook.errors import FlowbookError, NotFound
from flowbook.flows.model import Flow

from .. import bodies
from ..base import FlowbookHandler, guarded


class SearchHandler(FlowbookHandler):
    @guarded
    async def get(self) -> None:
        page, size = self.page()
        namespace = self.get_argument("namespace", None)
        q = self.get_argument("q", None)
        workspace = await self.host.existing()
        found = [] if workspace is None else await self.host.wait(saved(workspace, namespace, q))
        known = {(flow.namespace, flow.id) for flow, _ in found}
        found += [
            (flow, {})
            for flow in flows_in(self.host.place)
            if (flow.namespace, flow.id) not in known and _wanted(flow, namespace, q)
        ]
        found.sort(key=lambda one: one[0].uid)
        shown = found[(page - 1) * size : page * size]
        self.answer(
            {"results": [bodies.flow(flow, row) for flow, row in shown], "total": len(found)}
        )


class FlowHandler(FlowbookHandler):
    @guarded
    async def get(self, namespace: str, flow_id: str) -> None:
        source = self.get_argument("source", "false") == "true"
        revision = self.get_argument("revision", None)
        workspace = await self.host.existing()
        if workspace is not None:
            try:
                flow, row = await self.host.wait(
                    workspace.flows.load(namespace, flow_id, int(revision) if revision else None)
                )
            except NotFound:
                if revision:
                    raise
            else:
                self.answer(bodies.flow(flow, row, source=source))
                return
        for flow in flows_in(self.host.place):
            if (flow.namespace, flow.id) == (namespace, flow_id):
                self.answer(bodies.flow(flow, {}, source=source))
                return
        raise NotFound(f"Unable to find flow '{namespace}'.'{flow_id}'")


async def saved(
    workspace: Workspace, namespace: str | None, q: str | None
) -> list[tuple[Flow, Mapping[str, Any]]]:
    """The flows of the history with their rows; what can't be read any more is left out."""
    found: list[tuple[Flow, Mapping[str, Any]]] = []
    for row in await workspace.store.query("flows_latest", namespace=namespace, q=q):
        try:
            found.append((workspace.flows.parsed({**row, "flow_id": row["id"]}), row))
        except FlowbookError:
            continue
    return found


def _wanted(flow: Flow, namespace: str | None, q: str | None) -> bool:
    inside = namespace is None or f"{flow.namespace}.".startswith(f"{namespace}.")
    return inside and (q is None or q.lower() in flow.uid.lower())


ROUTES = [
    (r"/flows/search", SearchHandler),
    (r"/flows/([^/]+)/([^/]+)", FlowHandler),
]
