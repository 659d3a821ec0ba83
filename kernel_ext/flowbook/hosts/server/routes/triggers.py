"""`/triggers`: where triggers stand, what people do to them, backfills. Both generations of the reference's
routes lead to the same functions."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tornado.web as web

from flowbook.engine import backfills
from flowbook.engine.backfill_plan import plan
from flowbook.engine.trigger_control import Standing, awaited, forget, standings, switch, unlock
from flowbook.engine.workspace import Workspace
from flowbook.errors import FlowbookError, NotFound
from flowbook.ids import new_id

from .. import bodies
from ..base import FlowbookHandler, guarded
from ..filters import pairs, query
from .control import ControlHandler
from .executions import arguments_of

Named = tuple[str, str]
"""A flow, `namespace.id`, and a trigger's id."""
ONE_TRIGGER = re.compile(r"^(?:triggerId|filters\[triggerId\]\[EQUALS\])$")
CSV = ("namespace", "flowId", "triggerId", "nextExecutionDate", "date", "executionId", "disabled")


class TriggersHandler(ControlHandler):
    """Finds triggers and shows them."""

    async def found(self) -> list[Standing]:
        """The triggers that the parameters ask for. Raises: HTTPError."""
        given = arguments_of(self)
        ids = [given.pop(name) for name in list(given) if ONE_TRIGGER.match(name)]
        wanted = query(given)
        if wanted.states or wanted.labels or wanted.since or wanted.until:
            raise web.HTTPError(
                422, "Triggers are found by namespace, flowId, triggerId and q, by nothing else"
            )
        workspace = await self.host.existing()
        if workspace is None:
            return []
        return await self.host.wait(
            standings(
                workspace,
                namespace=wanted.namespace,
                flow_id=wanted.flow_id,
                trigger_id=ids[-1][-1] if ids else None,
                q=wanted.q,
            )
        )

    async def state(self, standing: Standing) -> dict[str, Any]:
        workspace = await self.workspace()
        waits_for = await self.host.wait(awaited(workspace, standing.row))
        return bodies.trigger_state(standing, waits_for)

    async def answer_state(self, named: Named) -> None:
        """Finish with where a trigger stands now."""
        uid, trigger_id = named
        namespace, _, flow_id = uid.rpartition(".")
        asked = standings(
            await self.workspace(), namespace=namespace, flow_id=flow_id, trigger_id=trigger_id
        )
        for standing in await self.host.wait(asked):
            if standing.flow.uid == uid:
                self.answer(await self.state(standing))
                return
        raise NotFound(f"There is no trigger '{trigger_id}' of {uid}")

    def object(self) -> dict[str, Any]:
        """The body. Raises: HTTPError."""
        found = self.document()
        if not isinstance(found, dict):
            raise web.HTTPError(422, "The body is expected to be an object")
        return found


class SearchHandler(TriggersHandler):
    @guarded
    async def get(self) -> None:
        page, size = self.page()
        found = await self.found()
        results: list[dict[str, Any]] = []
        for each in found[(page - 1) * size : page * size]:
            definition, state = bodies.trigger(each.trigger), await self.state(each)
            both = {"abstractTrigger": definition, "triggerContext": state}
            results.append({"trigger": definition, "state": state, **both})
        self.answer({"results": results, "total": len(found)})


class OfFlowHandler(TriggersHandler):
    @guarded
    async def get(self, namespace: str, flow_id: str) -> None:
        page, size = self.page()
        workspace = await self.workspace()
        await self.host.wait(workspace.flows.load(namespace, flow_id))
        asked = standings(
            workspace, namespace=namespace, flow_id=flow_id, q=self.get_argument("q", None)
        )
        found = [each for each in await self.host.wait(asked) if each.flow.namespace == namespace]
        shown = found[(page - 1) * size : page * size]
        self.answer({"results": [await self.state(each) for each in shown], "total": len(found)})


class ExportHandler(TriggersHandler):
    """The same as a file of comma-separated values."""

    @guarded
    async def get(self) -> None:
        text = io.StringIO()
        rows = csv.DictWriter(text, CSV, extrasaction="ignore")
        rows.writeheader()
        for each in await self.found():
            rows.writerow(await self.state(each))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.finish(text.getvalue())


class UpdateHandler(TriggersHandler):
    """A trigger's state as somebody wants it: `disabled`, and a `backfill` to begin."""

    @guarded
    async def put(self) -> None:
        given = self.object()
        named = names_of(given)
        workspace = await self.workspace()
        if isinstance(given.get("disabled"), bool):
            await self.host.wait(switched(workspace, named, disabled=given["disabled"]))
        if given.get("backfill") is not None:
            await self.host.wait(begun(workspace, given, confirm=self.flag("confirm", False)))
        await self.answer_state(named)


class SetDisabledHandler(TriggersHandler):
    @guarded
    async def put(self) -> None:
        given = self.object()
        await self.host.wait(
            switched(await self.workspace(), names_of(given), disabled=_disabled(given))
        )
        await self.answer_state(names_of(given))


class BeginHandler(TriggersHandler):
    """A new backfill: `{namespace, flowId, triggerId, start, end, inputs, labels}`, or the last four in
    `backfill`."""

    async def begin(self) -> None:
        given = self.object()
        confirm = self.flag("confirm", False)
        await self.host.wait(begun(await self.workspace(), given, confirm=confirm))
        await self.answer_state(names_of(given))


class CreateHandler(BeginHandler):
    @guarded
    async def put(self) -> None:
        await self.begin()


@dataclass(frozen=True, slots=True)
class Action:
    """Something done to triggers."""

    act: Callable[[Workspace, Named, Any], Awaitable[object]]
    """Called with the workspace, a trigger and the body."""
    suits: Callable[[Standing], bool] = lambda standing: True
    """Which of those that a query finds are meant."""


class ActHandler(TriggersHandler):
    """Something done to the trigger that the body or the address names; answers with its state."""

    action: Action
    stays: bool = True

    async def carry_out(self, *names: str) -> None:
        given = None if names else self.object()
        named = (f"{names[0]}.{names[1]}", names[2]) if names else names_of(given)
        await self.host.wait(_coroutine(self.action.act(await self.workspace(), named, given)))
        if self.stays:
            await self.answer_state(named)
        else:
            self.set_status(204)
            self.finish()


class PutHandler(ActHandler):
    @guarded
    async def put(self, *names: str) -> None:
        await self.carry_out(*names)


class PostHandler(ActHandler):
    @guarded
    async def post(self, *names: str) -> None:
        await self.carry_out(*names)


class DeleteHandler(ActHandler):
    @guarded
    async def delete(self, *names: str) -> None:
        await self.carry_out(*names)


class BackfillsHandler(BeginHandler, DeleteHandler):
    @guarded
    async def post(self) -> None:
        await self.begin()


class ManyHandler(TriggersHandler):
    """Something done to many triggers; answers with how many, and why not to the others."""

    action: Action
    by_query: bool

    async def carry_out(self) -> None:
        workspace = await self.workspace()
        document = self.document()
        if self.by_query:
            found = [each for each in await self.found() if self.action.suits(each)]
            chosen = [(each.flow.uid, str(each.trigger.id)) for each in found]
            if document is None:
                document = {"disabled": self.flag("disabled", True)}
        else:
            chosen = _listed(document)
        done, refused = 0, []
        for named in chosen:
            try:
                await self.host.wait(_coroutine(self.action.act(workspace, named, document)))
            except FlowbookError as error:
                refused.append(str(error))
            else:
                done += 1
        operation = {"operationId": new_id(workspace.random), "totalItems": len(chosen)}
        self.answer({"count": done, "invalids": refused, **operation})


class PostManyHandler(ManyHandler):
    @guarded
    async def post(self) -> None:
        await self.carry_out()


class DeleteManyHandler(ManyHandler):
    @guarded
    async def delete(self) -> None:
        await self.carry_out()


async def begun(workspace: Workspace, given: Mapping[str, Any], *, confirm: bool) -> None:
    """Begin the backfill that a body describes. Raises: HTTPError, FlowbookError."""
    uid, trigger_id = names_of(given)
    asked = given.get("backfill") or given
    if not isinstance(asked, Mapping) or not asked.get("start"):
        raise web.HTTPError(422, "A backfill has a 'start', like 2026-01-31T07:00:00Z")
    inputs = asked.get("inputs") or {}
    if not isinstance(inputs, Mapping):
        raise web.HTTPError(422, "'inputs' is expected to be an object")
    end = asked.get("end")
    planned = await plan(
        workspace,
        uid,
        trigger_id,
        str(asked["start"]),
        None if end is None else str(end),
        inputs,
        _labels(asked.get("labels")),
    )
    await backfills.begin(workspace, planned, confirm=confirm)


async def switched(workspace: Workspace, named: Named, *, disabled: bool) -> None:
    """Disable or enable a trigger; one that is so already stays."""
    namespace, _, flow_id = named[0].rpartition(".")
    found = await standings(workspace, namespace=namespace, flow_id=flow_id, trigger_id=named[1])
    if not any(each.flow.uid == named[0] and each.is_disabled is disabled for each in found):
        await switch(workspace, *named, disabled=disabled)


def names_of(given: Any) -> Named:
    """The trigger that an object names. Raises: HTTPError."""
    names = ("namespace", "flowId", "triggerId")
    if not isinstance(given, Mapping) or not all(
        isinstance(given.get(name), str) for name in names
    ):
        raise web.HTTPError(422, "A trigger is named by namespace, flowId and triggerId")
    return f"{given['namespace']}.{given['flowId']}", given["triggerId"]


def _listed(document: Any) -> list[Named]:
    listed = document.get("triggers") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise web.HTTPError(422, "The body is expected to be a list of triggers")
    return [names_of(each) for each in listed]


def _disabled(document: Any) -> bool:
    asked = document.get("disabled", True) if isinstance(document, Mapping) else True
    if not isinstance(asked, bool):
        raise web.HTTPError(422, "'disabled' is true or false")
    return asked


def _labels(given: Any) -> dict[str, str]:
    """`[{key, value}]`, `["key:value"]` or a map. Raises: HTTPError."""
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    listed = given or []
    if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
        return pairs(listed)
    try:
        return {str(each["key"]): str(each["value"]) for each in listed}
    except (TypeError, KeyError):
        said = 'Labels are expected as [{"key": "team", "value": "data"}]'
        raise web.HTTPError(422, said) from None


async def _restart(workspace: Workspace, named: Named, _: Any) -> None:
    namespace, _, flow_id = named[0].rpartition(".")
    rows = await workspace.store.query("triggers_of", namespace=namespace, flow_id=flow_id)
    row = next((row for row in rows if row["trigger_id"] == named[1]), None)
    if row is None:
        raise NotFound(f"There is no trigger '{named[1]}' of {named[0]}")
    if await awaited(workspace, row) is not None:
        await unlock(workspace, *named)


async def _coroutine(work: Awaitable[object]) -> object:
    return await work


def _has_backfill(standing: Standing) -> bool:
    return bool(standing.row.get("backfill"))


PAUSE = Action(
    lambda ws, named, _: backfills.pause(ws, *named),
    lambda standing: _has_backfill(standing) and not standing.row["backfill"]["paused"],
)
UNPAUSE = Action(
    lambda ws, named, _: backfills.pause(ws, *named, paused=False),
    lambda standing: _has_backfill(standing) and bool(standing.row["backfill"]["paused"]),
)
DROP = Action(lambda ws, named, _: backfills.delete(ws, *named), _has_backfill)
UNLOCK = Action(
    lambda ws, named, _: unlock(ws, *named),
    lambda standing: bool(standing.row.get("last_execution_id")),
)
RESTART = Action(_restart)
FORGET = Action(lambda ws, named, _: forget(ws, *named), lambda standing: bool(standing.row))
SWITCH = Action(lambda ws, named, body: switched(ws, named, disabled=_disabled(body)))


def _made(base: type[Any], action: Action, **names: Any) -> type[Any]:
    return type(base.__name__, (base,), {"action": action, "__module__": __name__, **names})


def _many(base: type[ManyHandler], action: Action, *paths: str) -> list[tuple[str, type[Any]]]:
    """Of those in the body, under both its names, and of those that a query finds."""
    return [
        (f"{path}/{by}", _made(base, action, by_query=by == "by-query"))
        for path in paths
        for by in ("by-triggers", "by-ids", "by-query")
    ]


ONE = r"/triggers/([^/]+)/([^/]+)/([^/]+)"
ROUTES: list[tuple[str, type[FlowbookHandler]]] = [
    (r"/triggers", UpdateHandler),
    (r"/triggers/search", SearchHandler),
    (r"/triggers/export/by-query/csv", ExportHandler),
    (r"/triggers/set-disabled", SetDisabledHandler),
    (r"/triggers/backfill/create", CreateHandler),
    (r"/triggers/backfills", _made(BackfillsHandler, DROP)),
    (r"/triggers/backfill/pause", _made(PutHandler, PAUSE)),
    (r"/triggers/backfill/unpause", _made(PutHandler, UNPAUSE)),
    (r"/triggers/backfill/delete", _made(PostHandler, DROP)),
    *_many(PostManyHandler, PAUSE, "/triggers/backfill/pause", "/triggers/backfills/pause"),
    *_many(PostManyHandler, UNPAUSE, "/triggers/backfill/unpause", "/triggers/backfills/unpause"),
    *_many(PostManyHandler, DROP, "/triggers/backfill/delete"),
    (r"/triggers/backfills/pause", _made(PostHandler, PAUSE)),
    (r"/triggers/backfills/unpause", _made(PostHandler, UNPAUSE)),
    *_many(DeleteManyHandler, DROP, "/triggers/backfills"),
    *_many(PostManyHandler, SWITCH, "/triggers/set-disabled", "/triggers/disable"),
    *_many(PostManyHandler, UNLOCK, "/triggers/unlock"),
    *_many(DeleteManyHandler, FORGET, "/triggers/delete", "/triggers"),
    (rf"{ONE}/unlock", _made(PostHandler, UNLOCK)),
    (rf"{ONE}/restart", _made(PostHandler, RESTART)),
    (ONE, _made(DeleteHandler, FORGET, stays=False)),
    (r"/triggers/([^/]+)/([^/]+)", OfFlowHandler),
]
