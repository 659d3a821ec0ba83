"""What people do to executions: to one, to those with these ids, to all that a query finds."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import tornado.web as web

from flowbook.engine.bulk import carry_out, matching
from flowbook.engine.workspace import Workspace
from flowbook.errors import BulkRefused, NotFound

from ..base import FlowbookHandler, guarded, json_text
from ..filters import query
from .executions import arguments_of, kept, whole
from .inputs import given

Act = Callable[[Workspace, str, "ControlHandler"], Awaitable[object]]


class ControlHandler(FlowbookHandler):
    """Reads what is asked for."""

    async def workspace(self) -> Workspace:
        """The workspace, if there is one. Raises: NotFound."""
        workspace = await self.host.existing()
        if workspace is None:
            raise NotFound("There is no execution here yet")
        return workspace

    def flag(self, name: str, default: bool) -> bool:
        return str(self.get_query_argument(name, str(default))).lower() == "true"

    def number(self, name: str) -> int | None:
        """A whole number among the parameters. Raises: HTTPError."""
        text = self.get_query_argument(name, None)
        try:
            return None if not text else int(text)
        except ValueError:
            raise web.HTTPError(422, f"{name} is a whole number, but got '{text}'") from None

    def needed(self, name: str) -> str:
        """A parameter that must be there. Raises: HTTPError."""
        found: str | None = self.get_query_argument(name, None)
        if not found:
            raise web.HTTPError(422, f"The parameter '{name}' is missing")
        return found

    def document(self) -> Any:
        """The body as JSON; `None` if there is none. Raises: HTTPError."""
        try:
            return json.loads(self.request.body) if self.request.body else None
        except ValueError as error:
            raise web.HTTPError(400, f"The body is no JSON: {error}") from None


class OneHandler(ControlHandler):
    """Something done to one execution; answers with the execution that came of it."""

    act: Act

    @guarded
    async def post(self, execution_id: str) -> None:
        workspace = await self.workspace()
        made = await self.host.wait(_coroutine(type(self).act(workspace, execution_id, self)))
        shown = made if isinstance(made, str) else execution_id
        self.answer(await self.host.wait(whole(workspace, shown)))


class ManyHandler(ControlHandler):
    """Something done to many executions; answers with how many."""

    action: str
    by_ids: bool

    def options_of(self, document: Any) -> Mapping[str, Any]:
        """What the action needs besides the executions."""
        match self.action:
            case "kill":
                return {"cascade": self.flag("isOnKillCascade", True)}
            case "delete":
                return kept(self)
            case "change-status":
                return {"to": self.needed("newStatus")}
            case "labels":
                return {"to": _labels(document)}
            case _:
                return {}

    async def carry_out(self) -> None:
        workspace = await self.workspace()
        document = self.document()
        options = self.options_of(document)
        if self.by_ids:
            ids = _ids(document)
        else:
            wanted = query(arguments_of(self))
            rows = await self.host.wait(matching(workspace, self.action, wanted))
            ids = [row["id"] for row in rows]
        done = await self.host.wait(carry_out(workspace, self.action, ids, **options))
        self.answer({"count": len(done.ids), "invalids": list(done.refused.values())})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        if not isinstance(error, BulkRefused):
            super().write_error(status_code, **kwargs)
            return
        invalids = [{"message": each} for each in error.invalids]
        self.finish(json_text({"message": str(error), "invalids": invalids}))


class PostManyHandler(ManyHandler):
    @guarded
    async def post(self) -> None:
        await self.carry_out()


class DeleteManyHandler(ManyHandler):
    @guarded
    async def delete(self) -> None:
        await self.carry_out()


async def _coroutine(work: Awaitable[object]) -> object:
    return await work


def _ids(document: Any) -> list[str]:
    """The ids of a body: a list, or a map that holds it. Raises: HTTPError."""
    if isinstance(document, dict):
        document = document.get("executionsId")
    if not isinstance(document, list) or not all(isinstance(one, str) for one in document):
        raise web.HTTPError(422, "The body is expected to be a list of ids of executions")
    return document


def _labels(document: Any) -> dict[str, str]:
    """Labels of a body: `[{key, value}]`, or a map that holds them. Raises: HTTPError."""
    if isinstance(document, dict):
        document = document.get("executionLabels")
    try:
        return {str(one["key"]): str(one["value"]) for one in document}
    except (TypeError, KeyError):
        raise web.HTTPError(
            422, 'Labels are expected as [{"key": "team", "value": "data"}]'
        ) from None


async def _mark(workspace: Workspace, execution_id: str, handler: ControlHandler) -> None:
    document = handler.document()
    if not isinstance(document, dict) or not {"taskRunId", "state"} <= document.keys():
        raise web.HTTPError(422, 'The body is expected to be {"taskRunId": …, "state": …}')
    run, state = str(document["taskRunId"]), str(document["state"])
    await workspace.control.change_status(execution_id, run, state)


ONE: Mapping[str, Act] = {
    "restart": lambda ws, id, asked: ws.restart(id, revision=asked.number("revision")),
    "replay": lambda ws, id, asked: ws.replay(
        id,
        task_run=asked.get_query_argument("taskRunId", None),
        revision=asked.number("revision"),
    ),
    "replay-with-inputs": lambda ws, id, asked: ws.replay(
        id,
        task_run=asked.get_query_argument("taskRunId", None),
        revision=asked.number("revision"),
        inputs=given(asked),
        keep=False,
    ),
    "pause": lambda ws, id, asked: ws.pause(id),
    "resume": lambda ws, id, asked: ws.resume(id, given(asked) or None),
    "unqueue": lambda ws, id, asked: ws.control.unqueue(id),
    "force-run": lambda ws, id, asked: ws.control.force_run(id),
    "labels": lambda ws, id, asked: ws.set_labels(id, _labels(asked.document())),
    "state": _mark,
    "change-status": lambda ws, id, asked: ws.change_status(id, None, asked.needed("status")),
}
"""What is done to one execution, by the last part of its path."""
MANY = ("restart", "replay", "pause", "resume", "unqueue", "force-run", "labels", "change-status")


def _one(act: Act) -> type[OneHandler]:
    return type("OneHandler", (OneHandler,), {"act": staticmethod(act), "__module__": __name__})


def _many(base: type[ManyHandler], action: str, folder: str) -> list[tuple[str, type[ManyHandler]]]:
    names = {"action": action, "__module__": __name__}
    return [
        (f"{folder}/{by}", type(base.__name__, (base,), {**names, "by_ids": by == "by-ids"}))
        for by in ("by-ids", "by-query")
    ]


ROUTES: list[tuple[str, type[FlowbookHandler]]] = [
    *(route for name in MANY for route in _many(PostManyHandler, name, f"/executions/{name}")),
    *_many(DeleteManyHandler, "kill", "/executions/kill"),
    *_many(DeleteManyHandler, "delete", "/executions"),
    *((rf"/executions/([^/]+)/(?:actions/)?{name}", _one(act)) for name, act in ONE.items()),
]
