"""`/executions`: what ran, what runs, and a new one."""

from __future__ import annotations

import json
from typing import Any

import tornado.web as web

from flowbook.engine.workspace import Workspace
from flowbook.errors import NotFound
from flowbook.kinds.state import State

from .. import bodies
from ..base import FlowbookHandler, guarded


class SearchHandler(FlowbookHandler):
    @guarded
    async def get(self) -> None:
        page, size = self.page()
        workspace = await self.host.existing()
        if workspace is None:
            self.answer({"results": [], "total": 0})
            return
        wanted: dict[str, Any] = {
            "namespace": self.get_argument("namespace", None),
            "flow_id": self.get_argument("flowId", None),
            "states": _states(self.get_arguments("state")),
            "labels": _labels(self.get_arguments("labels")),
            "q": self.get_argument("q", None),
        }
        rows = await self.host.wait(
            workspace.history.executions(**wanted, limit=size, offset=(page - 1) * size)
        )
        total = (page - 1) * size + len(rows)
        if len(rows) == size:
            total = await self.host.wait(_total(workspace, wanted))
        self.answer({"results": [bodies.execution(row) for row in rows], "total": total})


class ExecutionHandler(FlowbookHandler):
    @guarded
    async def get(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        self.answer(await self.host.wait(whole(workspace, execution_id)))


class KillHandler(FlowbookHandler):
    @guarded
    async def delete(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        cascade = self.get_argument("isOnKillCascade", "true") != "false"
        by = self.current_user.username
        await self.host.wait(workspace.kill(execution_id, cascade=cascade, by=by))
        self.set_status(202)
        self.finish()


class CreateHandler(FlowbookHandler):
    @guarded
    async def post(self, namespace: str, flow_id: str) -> None:
        workspace = await self.host.open()
        revision = self.get_query_argument("revision", None)
        labels = _pairs(self.get_query_arguments("labels"))
        run_id = await self.host.wait(
            workspace.run(
                f"{namespace}.{flow_id}",
                self._inputs(),
                labels,
                revision=int(revision) if revision else None,
            )
        )
        if self.get_query_argument("wait", "false") == "true":
            run_id = await self.host.wait(workspace.wait(run_id))
        body = await self.host.wait(whole(workspace, run_id))
        self.answer({**body, "url": self._url(run_id)})

    def _inputs(self) -> dict[str, Any]:
        """Inputs from a form of either kind, or from a JSON object."""
        kind = self.request.headers.get("Content-Type", "")
        if kind.startswith("application/json") and self.request.body:
            try:
                given = json.loads(self.request.body)
            except ValueError as error:
                raise web.HTTPError(400, f"The body is no JSON: {error}") from None
            if not isinstance(given, dict):
                raise web.HTTPError(422, "The body is expected to be an object of inputs")
            return given
        return {name: self.get_body_argument(name) for name in self.request.body_arguments}

    def _url(self, run_id: str) -> str:
        base = self.settings["base_url"].rstrip("/")
        root = f"{self.request.protocol}://{self.request.host}{base}"
        return f"{root}/lab?flowbook=executions/{run_id}"


async def whole(workspace: Workspace, execution_id: str) -> dict[str, Any]:
    """An execution's body with its task runs. Raises: NotFound."""
    history = workspace.history
    return bodies.execution(
        await history.row(execution_id),
        await history.task_runs(execution_id),
        await history.outputs(execution_id),
    )


async def _workspace(handler: FlowbookHandler, execution_id: str) -> Workspace:
    workspace = await handler.host.existing()
    if workspace is None:
        raise NotFound(f"There is no execution '{execution_id}'")
    return workspace


async def _total(workspace: Workspace, wanted: dict[str, Any]) -> int:
    """How many match, up to a hundred thousand."""
    return len(await workspace.history.executions(**wanted, limit=100_000))


def _states(given: list[str]) -> list[str] | None:
    names = [name.upper() for part in given for name in part.split(",") if name]
    known = {state.value for state in State}
    if unknown := [name for name in names if name not in known]:
        raise web.HTTPError(422, f"There is no state {', '.join(unknown)}")
    return names or None


def _labels(given: list[str]) -> dict[str, str] | None:
    return _pairs(given) or None


def _pairs(given: list[str]) -> dict[str, str]:
    """`key:value` texts as a mapping. Raises: HTTPError."""
    found = {}
    for pair in given:
        key, colon, value = pair.partition(":")
        if not colon or not key:
            raise web.HTTPError(422, f"A label is key:value, but got '{pair}'")
        found[key] = value
    return found


ROUTES = [
    (r"/executions/search", SearchHandler),
    (r"/executions/([^/]+)/(?:actions/)?kill", KillHandler),
    (r"/executions/trigger/([^/]+)/([^/]+)", CreateHandler),
    (r"/executions/([^/]+)/([^/]+)", CreateHandler),
    (r"/executions/([^/]+)", ExecutionHandler),
]
