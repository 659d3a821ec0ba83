"""`core.execution.PurgeExecutions`."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.state import State
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.dates import date_of


class PurgeExecutions(RunnableTask):
    """Delete ended executions for ever, with their logs, metrics and files."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.storages.Purge",
        "io.kestra.plugin.core.storage.Purge",
    )

    namespace: Dynamic[str | None] = None
    """Only of this namespace; without `flowId` also of those below."""
    flow_id: Dynamic[str | None] = None
    """Only of this flow."""
    start_date: Dynamic[str | None] = None
    """Only executions from this date on."""
    end_date: Dynamic[str]
    """Only executions before this date."""
    states: Dynamic[tuple[State, ...] | None] = None
    """Only executions in these states; those that haven't ended are never deleted."""
    purge_execution: Dynamic[bool] = True
    """Delete the executions themselves."""
    purge_log: Dynamic[bool] = True
    """Delete their log lines."""
    purge_metric: Dynamic[bool] = True
    """Delete their metrics."""
    purge_storage: Dynamic[bool] = True
    """Delete their files."""

    async def run(self, context: Context) -> dict[str, Json]:
        rows = await self._wanted(context)
        ids = [row["id"] for row in rows]
        whole = await context.render(self.purge_execution)
        records = [
            name
            for name, chosen in (
                ("logs", await context.render(self.purge_log)),
                ("metrics", await context.render(self.purge_metric)),
                ("cells", whole),
            )
            if chosen
        ]
        gone = await context.engine.store.purge(ids, records=records, rows=whole) if ids else {}
        files = await self._files(context, rows) if await context.render(self.purge_storage) else 0
        return {
            "executionsCount": len(ids) if whole else 0,
            "logsCount": gone.get("logs", 0),
            "metricsCount": gone.get("metrics", 0),
            "storagesCount": files,
        }

    async def _wanted(self, context: Context) -> list[dict[str, Any]]:
        states = await context.render(self.states) or tuple(State)
        ended = [state.value for state in states if state.is_terminal]
        since = await context.render(self.start_date)
        until = date_of(await context.render(self.end_date))
        rows = await context.engine.history.executions(
            namespace=await context.render(self.namespace),
            flow_id=await context.render(self.flow_id),
            states=ended,
            since=None if since is None else date_of(since),
            limit=1_000_000,
        )
        return [
            row for row in rows if row["created_at"] < until and row["id"] != context.execution_id
        ]

    async def _files(self, context: Context, rows: list[dict[str, Any]]) -> int:
        storage = context.engine.storage
        count = 0
        for row in rows:
            place = (
                f"{storage.flow_prefix(row['namespace'], row['flow_id'])}/executions/{row['id']}"
            )
            for uri in await asyncio.to_thread(storage.list, place):
                count += await asyncio.to_thread(storage.delete, uri)
        return count


OLD = Example(
    title="Delete executions older than a year",
    outputs={"purge": {"executionsCount": 0}},
    flow="""
id: purge-old-executions
namespace: demo
tasks:
  - id: purge
    type: io.kestra.plugin.core.execution.PurgeExecutions
    namespace: demo
    endDate: "{{ now() | dateAdd(-1, 'YEARS') }}"
""",
)
