"""`core.flow.Previous`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.state import State
from flowbook.kinds.task import Recover, RunnableTask


class Previous(RunnableTask):
    """List earlier executions of a flow, newest first, without the current one."""

    recovers: ClassVar[Recover] = Recover.RESTART

    namespace: Dynamic[str | None] = None
    """The flow's namespace; this flow's own if left out."""
    flow_id: Dynamic[str | None] = None
    """The flow; this one if left out."""
    success_only: Dynamic[bool] = False
    """Only executions that ended SUCCESS."""
    states: Dynamic[tuple[State, ...] | None] = None
    """Only executions in these states."""
    limit: Dynamic[int] = 10
    """How many at most."""

    async def run(self, context: Context) -> dict[str, Json]:
        states = await context.render(self.states)
        if await context.render(self.success_only):
            states = (State.SUCCESS,)
        limit = await context.render(self.limit)
        rows = await context.engine.history.executions(
            namespace=await context.render(self.namespace) or context.namespace,
            flow_id=await context.render(self.flow_id) or context.flow_id,
            states=None if states is None else [state.value for state in states],
            limit=limit + 1,
        )
        found = [_shown(row) for row in rows if row["id"] != context.execution_id][:limit]
        return {"executions": found, "total": len(found)}


def _shown(row: Mapping[str, Any]) -> dict[str, Json]:
    start, end = row["started_at"], row["ended_at"]
    dates = {"startDate": start, "endDate": end}
    labels = row.get("labels") or []
    return {
        "id": row["id"],
        "namespace": row["namespace"],
        "flowId": row["flow_id"],
        "flowRevision": row["flow_revision"],
        "state": row["state"],
        **{name: None if date is None else date.isoformat() for name, date in dates.items()},
        "duration": (end - start).total_seconds() if start and end else None,
        "labels": {label["key"]: label["value"] for label in labels},
        "inputs": row.get("inputs") or {},
        "outputs": row.get("outputs") or {},
    }


FIRST = Example(
    title="Has this flow run before?",
    outputs={"before": {"total": 0}},
    flow="""
id: run-before
namespace: demo.previous
tasks:
  - {id: before, type: io.kestra.plugin.core.flow.Previous, successOnly: true}
""",
)
