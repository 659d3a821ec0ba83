"""Looking into an execution: an expression evaluated in it, how it differs from another, a task tried again."""

from __future__ import annotations

import json
from typing import Any

import tornado.web as web

from flowbook.engine.comparing import compared
from flowbook.engine.rerunning import rerun
from flowbook.errors import ExpressionError

from ..base import FlowbookHandler, guarded
from .control import ControlHandler
from .executions import whole
from .own import body


class EvalHandler(ControlHandler):
    """The body is an expression, as text; the answer has its `result`, or says what is wrong with it."""

    @guarded
    async def post(self, execution_id: str, task_run: str | None = None) -> None:
        workspace = await self.workspace()
        expression = self.request.body.decode("utf-8", "replace")
        try:
            value = await self.host.wait(
                workspace.control.evaluate(execution_id, expression, task=task_run)
            )
        except ExpressionError as error:
            self.answer({"error": str(error), "stackTrace": ""})
            return
        self.answer({"result": value if isinstance(value, str) else _text(value)})


class DiffHandler(ControlHandler):
    @guarded
    async def get(self, execution_id: str) -> None:
        workspace = await self.workspace()
        other = self.get_query_argument("other", None)
        found = await self.host.wait(compared(workspace, execution_id, other))
        self.answer(found.to_json())


class RerunHandler(ControlHandler):
    """`{"task": …, "properties": {…}}`; answers with the new execution."""

    @guarded
    async def post(self, execution_id: str) -> None:
        workspace, given = await self.workspace(), body(self)
        task, properties = given.get("task"), given.get("properties") or {}
        if not isinstance(task, str) or not isinstance(properties, dict):
            raise web.HTTPError(
                422, 'The body is expected to be {"task": "load", "properties": {…}}'
            )

        async def begun() -> str:
            return await workspace.begun(await rerun(workspace, execution_id, task, properties))

        self.answer(await self.host.wait(whole(workspace, await self.host.wait(begun()))))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


ROUTES: list[tuple[str, type[FlowbookHandler]]] = [
    (r"/executions/([^/]+)/(?:actions/)?eval(?:/([^/]+))?", EvalHandler),
]
OWN: list[tuple[str, type[FlowbookHandler]]] = [
    (r"/executions/([^/]+)/diff", DiffHandler),
    (r"/executions/([^/]+)/rerun", RerunHandler),
]
"""`/api/x`"""
