"""`/executions`: what ran, what runs, and a new one."""

from __future__ import annotations

from typing import Any

from flowbook.engine.deleting import delete
from flowbook.engine.workspace import Workspace
from flowbook.errors import NotFound

from .. import bodies
from ..base import FlowbookHandler, guarded
from ..filters import pairs, query
from .inputs import given


class SearchHandler(FlowbookHandler):
    @guarded
    async def get(self) -> None:
        page, size = self.page()
        workspace = await self.host.existing()
        if workspace is None:
            self.answer({"results": [], "total": 0})
            return
        wanted = query(arguments_of(self)).asked()
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

    @guarded
    async def delete(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        await self.host.wait(delete(workspace, [execution_id], **kept(self)))
        self.set_status(204)
        self.finish()


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
        labels = pairs(self.get_query_arguments("labels"))
        run_id = await self.host.wait(
            workspace.run(
                f"{namespace}.{flow_id}",
                given(self),
                labels,
                revision=int(revision) if revision else None,
            )
        )
        if self.get_query_argument("wait", "false") == "true":
            run_id = await self.host.wait(workspace.wait(run_id))
        await self.host.wait(workspace.begun(run_id))
        body = await self.host.wait(whole(workspace, run_id))
        self.answer({**body, "url": self._url(run_id)})

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


def arguments_of(handler: FlowbookHandler) -> dict[str, list[str]]:
    """The parameters of a request's address."""
    names = handler.request.query_arguments
    return {name: handler.get_query_arguments(name) for name in names}


def kept(handler: FlowbookHandler) -> dict[str, bool]:
    """What goes with a deleted execution."""
    names = {"logs": "deleteLogs", "metrics": "deleteMetrics", "storage": "deleteStorage"}
    return {
        name: handler.get_query_argument(parameter, "true").lower() != "false"
        for name, parameter in names.items()
    }


ROUTES = [
    (r"/executions/search", SearchHandler),
    (r"/executions/([^/]+)/(?:actions/)?kill", KillHandler),
    (r"/executions/trigger/([^/]+)/([^/]+)", CreateHandler),
    (r"/executions/([^/]+)/([^/]+)", CreateHandler),
    (r"/executions/([^/]+)", ExecutionHandler),
]
