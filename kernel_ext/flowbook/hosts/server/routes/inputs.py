"""What the inputs of a flow are: its form, and what is wrong with values before they are sent."""

from __future__ import annotations

import json
from typing import Any

import tornado.web as web

from flowbook.engine.asking import validated
from flowbook.engine.given import Upload
from flowbook.flows.form import form

from ..base import FlowbookHandler, guarded


class FormHandler(FlowbookHandler):
    """The form of a flow's inputs: a JSON Schema."""

    @guarded
    async def get(self, namespace: str, flow_id: str) -> None:
        revision = self.get_argument("revision", None)
        workspace = await self.host.open()
        flow, _ = await self.host.wait(
            workspace.flows.load(namespace, flow_id, int(revision) if revision else None)
        )
        self.answer(form(flow))


class ValidateHandler(FlowbookHandler):
    """The values of a form that isn't sent yet."""

    @guarded
    async def post(self, namespace: str, flow_id: str) -> None:
        workspace = await self.host.open()
        flow, row = await self.host.wait(workspace.flows.load(namespace, flow_id))
        asked = validated(workspace, flow, given(self), revision=int(row["revision"]))
        self.answer(await self.host.wait(asked))


def given(handler: FlowbookHandler) -> dict[str, Any]:
    """Inputs from a form of either kind, or from a JSON object. A part with a file name is an upload: for the
    input of its name or, in the older form, a part `files` for the input that its file name names.

    Raises: HTTPError.
    """
    kind = handler.request.headers.get("Content-Type", "")
    if kind.startswith("application/json") and handler.request.body:
        try:
            values = json.loads(handler.request.body)
        except ValueError as error:
            raise web.HTTPError(400, f"The body is no JSON: {error}") from None
        if not isinstance(values, dict):
            raise web.HTTPError(422, "The body is expected to be an object of inputs")
        return values
    found: dict[str, Any] = {
        name: handler.get_body_argument(name, strip=False)
        for name in handler.request.body_arguments
    }
    for name, parts in handler.request.files.items():
        for part in parts:
            own = part["filename"] if name == "files" else name
            found[own] = Upload(part["filename"], part["body"])
    return found


ROUTES = [(r"/executions/([^/]+)/([^/]+)/validate", ValidateHandler)]
OWN = [(r"/flows/([^/]+)/([^/]+)/form", FormHandler)]
