"""`core.execution.Count`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.state import State
from flowbook.kinds.task import Recover, RunnableTask
from flowbook.plugin.dates import date_of


class Count(RunnableTask):
    """Count executions of flows or namespaces, and name those whose count meets a condition."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.executions.Counts",)
    recovers: ClassVar[Recover] = Recover.RESTART

    flows: Dynamic[tuple[Mapping[str, str], ...] | None] = None
    """Flows to count, each `{namespace, flowId}`."""
    namespaces: Dynamic[tuple[str, ...] | None] = None
    """Namespaces to count as wholes."""
    states: Dynamic[tuple[State, ...] | None] = None
    """Only executions in these states."""
    start_date: Dynamic[str | None] = None
    """Only executions from this date on."""
    end_date: Dynamic[str | None] = None
    """Only executions before this date."""
    expression: str = "{{ count >= 0 }}"
    """Rendered with `count`; a result is named if it is `true`."""

    async def run(self, context: Context) -> dict[str, Json]:
        asked: list[Mapping[str, str | None]] = [
            {"namespace": flow.get("namespace"), "flowId": flow.get("flowId") or flow.get("id")}
            for flow in await context.render(self.flows) or ()
        ]
        namespaces = await context.render(self.namespaces) or ()
        asked += [{"namespace": namespace, "flowId": None} for namespace in namespaces]
        if not asked:
            raise TaskFailed("You must provide a list of flows or namespaces")
        states = await context.render(self.states)
        since, until = await self._dates(context)
        results, total = [], 0
        for one in asked:
            count = await _count(context, one, states, since, until)
            if (await context.render_text(self.expression, {"count": count})).strip() == "true":
                total += count
                results.append({**one, "count": count})
        return {"results": results, "total": total}

    async def _dates(self, context: Context) -> tuple[datetime | None, datetime | None]:
        given = (await context.render(self.start_date), await context.render(self.end_date))
        first, last = (None if one is None else date_of(one) for one in given)
        return first, last


async def _count(
    context: Context,
    one: Mapping[str, str | None],
    states: Sequence[State] | None,
    since: datetime | None,
    until: datetime | None,
) -> int:
    rows = await context.engine.history.executions(
        namespace=one["namespace"],
        flow_id=one["flowId"],
        states=None if states is None else [state.value for state in states],
        since=since,
        limit=1_000_000,
    )
    return sum(until is None or row["created_at"] < until for row in rows)


RUNS = Example(
    title="How often has this flow run?",
    outputs={"count": {"total": 1}},
    flow="""
id: how-often
namespace: demo.count
tasks:
  - id: count
    type: io.kestra.plugin.core.execution.Count
    flows:
      - {namespace: demo.count, flowId: how-often}
    expression: "{{ count >= 1 }}"
""",
)
