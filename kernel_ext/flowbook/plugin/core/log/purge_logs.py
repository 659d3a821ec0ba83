"""`core.log.PurgeLogs`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Level, RunnableTask
from flowbook.plugin.dates import date_of


class PurgeLogs(RunnableTask):
    """Delete old log lines for ever."""

    aliases: ClassVar[tuple[str, ...]] = ()

    namespace: Dynamic[str | None] = None
    """Only of this namespace; without `flowId` also of those below."""
    flow_id: Dynamic[str | None] = None
    """Only of this flow."""
    log_levels: Dynamic[tuple[Level, ...] | None] = None
    """Only lines of these severities."""
    start_date: Dynamic[str | None] = None
    """Only lines from this date on."""
    end_date: Dynamic[str]
    """Only lines before this date."""

    async def run(self, context: Context) -> dict[str, Json]:
        levels = await context.render(self.log_levels)
        since = await context.render(self.start_date)
        count = await context.engine.store.purge_records(
            "logs",
            before=date_of(await context.render(self.end_date)),
            after=None if since is None else date_of(since),
            namespace=await context.render(self.namespace),
            flow_id=await context.render(self.flow_id),
            levels=None if levels is None else [level.value for level in levels],
        )
        return {"count": count}


OLD = Example(
    title="Delete log lines older than a month",
    outputs={"purge": {"count": 0}},
    flow="""
id: purge-old-logs
namespace: demo
tasks:
  - id: purge
    type: io.kestra.plugin.core.log.PurgeLogs
    namespace: demo
    endDate: "{{ now() | dateAdd(-1, 'MONTHS') }}"
""",
)
