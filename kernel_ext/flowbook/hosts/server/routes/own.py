"""`/api/x`: what the panel needs beyond the reference's routes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import tornado.web as web

from flowbook.engine.schedules import next_fires, of_flow
from flowbook.engine.watching import files, flows_in, take
from flowbook.errors import NotFound
from flowbook.workspace import trust

from ..base import FlowbookHandler, guarded


class TrustHandler(FlowbookHandler):
    """The one question: "3 flows, 2 schedules: deploy?"."""

    @guarded
    async def get(self) -> None:
        self.answer(self._question())

    @guarded
    async def post(self) -> None:
        if body(self).get("trusted") is not True:
            trust.distrust(self.host.place)
        else:
            workspace = await self.host.open()
            trust.trust(self.host.place)
            await self.host.wait(take(workspace, files(self.host.place.flows)))
        self.answer(self._question())

    def _question(self) -> dict[str, Any]:
        place = self.host.place
        found = flows_in(place)
        return {
            "trusted": trust.is_trusted(place),
            "exists": place.exists,
            "root": str(place.root),
            "flows": len(found),
            "schedules": sum(1 for flow in found for _ in of_flow(flow)),
        }


class SchedulesHandler(FlowbookHandler):
    """The schedules with their next fires."""

    @guarded
    async def get(self) -> None:
        workspace = await self.host.existing()
        now = datetime.now(UTC)
        fires = [] if workspace is None else await self.host.wait(next_fires(workspace.store, now))
        held = self.host.scheduler is not None and self.host.scheduler.held
        self.answer({"schedules": fires, "held": held})


class CronHandler(FlowbookHandler):
    """The next dates of a cron text, or what is wrong with it."""

    @guarded
    async def post(self) -> None:
        from flowbook.triggers.cron import Cron
        from flowbook.triggers.schedule import next_dates
        from flowbook.triggers.zones import zone

        given = body(self)
        try:
            cron, with_seconds = Cron.parse_any(str(given.get("cron", "")))
            place = zone(given.get("timezone"))
            count = min(max(int(given.get("count", 5)), 1), 100)
        except (ValueError, TypeError) as error:
            self.answer({"dates": [], "problem": str(error)})
            return
        dates = next_dates(cron, place, datetime.now(UTC), count)
        self.answer({"dates": dates, "withSeconds": with_seconds, "problem": None})


class ViewHandler(FlowbookHandler):
    """An execution as its display shows it."""

    @guarded
    async def get(self, execution_id: str) -> None:
        workspace = await self.host.existing()
        if workspace is None:
            raise NotFound(f"There is no execution '{execution_id}'")
        view = await self.host.wait(workspace.history.view(execution_id))
        self.answer(view.to_json())


def body(handler: FlowbookHandler) -> dict[str, Any]:
    """The JSON object of a request. Raises: HTTPError."""
    try:
        given = json.loads(handler.request.body or b"{}")
    except ValueError as error:
        raise web.HTTPError(400, f"The body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise web.HTTPError(422, "The body is expected to be an object")
    return given


ROUTES = [
    (r"/trust", TrustHandler),
    (r"/schedules", SchedulesHandler),
    (r"/cron", CronHandler),
    (r"/executions/([^/]+)/view", ViewHandler),
]
