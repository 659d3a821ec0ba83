"""`/api/x`: fix the failed cell and go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from flowbook.engine.workspace import Workspace
from flowbook.errors import NotFound
from flowbook.kernels.continued import diff

from .. import parked
from ..base import FlowbookHandler, guarded
from .own import body


class OpenHandler(FlowbookHandler):
    """The copy of a failed notebook to edit, and its kernel as this server lists it."""

    @guarded
    async def post(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        root = Path(self.settings["server_root_dir"]).expanduser()
        found = await self.host.wait(
            workspace.continuing.open(execution_id, body(self).get("task"), root)
        )
        kernel = found.kernel
        listed = None if kernel is None else parked.listed(self.kernel_manager, kernel.file)
        self.answer(
            {
                "task": found.task,
                "taskRun": found.task_run,
                "path": found.path.resolve().relative_to(root.resolve()).as_posix(),
                "cell": found.cell,
                "kernelId": listed,
                "kernel": None if kernel is None else kernel.row,
            }
        )


class ContinueHandler(FlowbookHandler):
    """Go on with a failed notebook at a cell; 409 names `errors` and `finally` tasks that have run."""

    @guarded
    async def post(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        given = body(self)
        task, cell = given.get("task"), given.get("cell")
        if not isinstance(cell, int) or isinstance(cell, bool):
            cell = (await self.host.wait(workspace.continuing.open(execution_id, task))).cell
        await self.host.wait(
            workspace.restart(
                execution_id, continue_from=cell, task=task, confirm=given.get("confirm") is True
            )
        )
        self.answer(await self.host.wait(_edits(workspace, execution_id, task)))


class EditsHandler(FlowbookHandler):
    """What was edited in the latest attempt's notebook."""

    @guarded
    async def get(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        task = self.get_query_argument("task", None)
        self.answer(await self.host.wait(_edits(workspace, execution_id, task)))


class ApplyHandler(FlowbookHandler):
    """Write the edits into the notebook's source; 409 has both texts if that changed meanwhile."""

    @guarded
    async def post(self, execution_id: str) -> None:
        workspace = await _workspace(self, execution_id)
        task = body(self).get("task")
        applied = await self.host.wait(workspace.continuing.apply(execution_id, task))
        self.answer({"path": applied.path, "edits": applied.edits, "diff": applied.diff})


class KernelsHandler(FlowbookHandler):
    """The parked kernels."""

    @guarded
    async def get(self) -> None:
        workspace = await self.host.existing()
        found: Any = None if workspace is None else await self.host.wait(_listed(workspace))
        self.answer({"parked": (found or {}).get("parked", [])})


class KernelHandler(FlowbookHandler):
    """One parked kernel."""

    @guarded
    async def delete(self, kernel_id: str) -> None:
        workspace = await self.host.existing()
        if workspace is None:
            raise NotFound(f"There is no parked kernel '{kernel_id}'")
        await self.host.wait(workspace.continuing.warm.end_named([kernel_id]))
        self.set_status(204)
        self.finish()


async def _listed(workspace: Workspace) -> Any:
    return await workspace.continuing.warm.listed()


async def _edits(workspace: Workspace, execution_id: str, task: str | None) -> dict[str, Any]:
    edits = await workspace.continuing.edits(execution_id, task)
    return {"edits": edits, "diff": await asyncio.to_thread(diff, edits, "notebook")}


async def _workspace(handler: FlowbookHandler, execution_id: str) -> Workspace:
    workspace = await handler.host.existing()
    if workspace is None:
        raise NotFound(f"There is no execution '{execution_id}'")
    return workspace


ROUTES = [
    (r"/executions/([^/]+)/open", OpenHandler),
    (r"/executions/([^/]+)/continue", ContinueHandler),
    (r"/executions/([^/]+)/edits", EditsHandler),
    (r"/executions/([^/]+)/apply", ApplyHandler),
    (r"/kernels", KernelsHandler),
    (r"/kernels/([^/]+)", KernelHandler),
]
