"""Where Flow triggers are tried: a namespace, a morning, flows that follow others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flowbook.engine.workspace import Workspace

PATIENCE = 60
MORNING = datetime(2025, 3, 5, 7, 0, tzinfo=UTC)
RETURN = "io.kestra.plugin.core.debug.Return"
PAUSE = "io.kestra.plugin.core.flow.Pause"
FAIL = "io.kestra.plugin.core.execution.Fail"
SLEEP = "io.kestra.plugin.core.flow.Sleep"
LOG = "io.kestra.plugin.core.log.Log"
TRIGGER = "io.kestra.plugin.core.trigger.Flow"
CONDITION = "io.kestra.plugin.core.condition."
Scene = Callable[["Stage"], Awaitable[None]]
Row = dict[str, Any]


class Stage:
    """A workspace of which a test has one namespace for itself."""

    def __init__(self, workspace: Workspace, namespace: str) -> None:
        self.workspace, self.namespace = workspace, namespace

    async def upstream(self, id: str, *tasks: Row, **more: Any) -> None:
        """Deploy a flow that others look at; it goes well if nothing else is said."""
        listed = [{"id": f"t{n}", **task} for n, task in enumerate(tasks, 1)]
        await self._deploy(id, listed or [{"id": "t1", "type": RETURN, "format": "done"}], more)

    async def follower(self, id: str = "after", *, on: Row, **more: Any) -> None:
        """Deploy a flow with one Flow trigger."""
        trigger = {"id": "on", "type": TRIGGER, **on}
        if "dependsOn" in trigger:
            entries = [{"namespace": self.namespace, **each} for each in trigger["dependsOn"]]
            trigger["dependsOn"] = entries
        say = {"id": "say", "type": LOG, "message": "started"}
        await self._deploy(id, more.pop("tasks", [say]), {"triggers": [trigger], **more})

    async def _deploy(self, id: str, tasks: list[Row], more: Row) -> None:
        flow = {"id": id, "namespace": self.namespace, "tasks": tasks, **more}
        await self.workspace.deploy(flow)

    async def run(self, id: str, **options: Any) -> str:
        """Run a deployed flow to its end, and whatever that starts."""
        with self.workspace.clock.working():
            run_id = await self.workspace.run(f"{self.namespace}.{id}", **options)
        await self.quiet()
        return run_id

    async def quiet(self) -> None:
        """Return when nothing is under way any more. The history isn't asked: time stands still meanwhile."""
        await self.workspace.triggering.settle()
        while drivers := list(self.workspace.drivers.values()):
            for driver in drivers:
                await driver.over.wait()
            await self.workspace.triggering.settle()

    async def at(self, hours: float) -> None:
        """Return so many hours after seven in the morning."""
        await self.workspace.clock.until(MORNING + timedelta(hours=hours))

    async def started(self, id: str = "after") -> list[Row]:
        """The executions of a flow, oldest first."""
        rows = await self.workspace.history.executions(
            namespace=self.namespace, flow_id=id, limit=1000
        )
        return sorted(rows, key=lambda row: row["created_at"])

    async def said(self, id: str = "after") -> list[str]:
        """Upstream and state of each execution of a flow, in order."""
        told = [row["trigger"]["variables"] for row in await self.started(id)]
        return [f"{one['flowId']} {one['state']}" for one in told]

    async def warnings(self, trigger_id: str = "on") -> list[str]:
        """The warnings in a trigger's log."""
        await self.workspace.records.durable()
        rows = await self.workspace.store.query(
            "logs_search", namespace=self.namespace, trigger_id=trigger_id, level="WARN"
        )
        return [row["message"] for row in rows]


def on(*flows: str, **more: Any) -> Row:
    """`dependsOn` of flows of the same namespace."""
    return {"dependsOn": [{"flowId": flow} for flow in flows], **more}
