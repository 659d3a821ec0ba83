"""Rows as the bodies that the reference's routes have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flowbook.engine.closing import shown
from flowbook.kinds.durations import iso
from flowbook.kinds.state import State

if TYPE_CHECKING:
    from flowbook.engine.trigger_control import Standing
    from flowbook.flows.model import Flow
    from flowbook.kinds.trigger import Trigger

Row = Mapping[str, Any]


def execution(
    row: Row, task_runs: Iterable[Row] = (), outputs: Iterable[Row] = ()
) -> dict[str, Any]:
    """An execution with its task runs."""
    made = {one["task_run_id"]: one["outputs"] for one in outputs}
    return {
        "id": row["id"],
        "namespace": row["namespace"],
        "flowId": row["flow_id"],
        "flowRevision": row["flow_revision"],
        "labels": row["labels"] or [],
        "inputs": row["inputs"] or {},
        "outputs": row["outputs"],
        "variables": row["variables"],
        "state": state(row),
        "trigger": row["trigger"],
        "parentId": row["parent_id"],
        "originalId": row["original_id"],
        "scheduleDate": row["schedule_date"],
        "error": row["error"],
        "kind": row["kind"],
        "deleted": False,
        "metadata": {"attemptNumber": row["attempt_number"]},
        "taskRunList": [task_run(one, made.get(one["id"])) for one in task_runs],
    }


def task_run(row: Row, outputs: Any = None) -> dict[str, Any]:
    """One task run."""
    return {
        "id": row["id"],
        "executionId": row["execution_id"],
        "namespace": row["namespace"],
        "flowId": row["flow_id"],
        "taskId": row["task_id"],
        "parentTaskRunId": row["parent_id"],
        "value": row["value"],
        "iteration": row["iteration"],
        "state": state(row),
        "outputs": outputs or {},
    }


def state(row: Row) -> dict[str, Any]:
    """`current`, `histories`, dates and duration."""
    start, end = _moment(row["started_at"]), _moment(row["ended_at"])
    created = _moment(row.get("created_at"))
    current = str(row["state"])
    over = end if State(current).is_terminal else None
    found: dict[str, Any] = {
        "current": current,
        "histories": row["histories"] or [],
        "startDate": start or created,
    }
    if over is not None:
        found["endDate"] = over
    if start is not None and over is not None:
        found["duration"] = iso(over - start)
    return found


def flow(found: Flow, row: Row, *, source: bool = False) -> dict[str, Any]:
    """A flow as lists and pages show it."""
    body: dict[str, Any] = {
        "id": found.id,
        "namespace": found.namespace,
        "revision": row.get("revision"),
        "description": found.description,
        "disabled": bool(row.get("disabled")) or found.disabled,
        "deleted": False,
        "draft": bool(row.get("draft")),
        "deployed": bool(row.get("revision")),
        "labels": [{"key": label.key, "value": label.value} for label in found.labels],
        "inputs": [
            one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in found.inputs
        ],
        "tasks": [{"id": task.id, "type": getattr(task, "type", None)} for task in found.tasks],
        "triggers": [
            {
                "id": trigger.id,
                "type": trigger.type,
                "disabled": trigger.disabled,
                **{
                    name: value
                    for name in ("cron", "timezone")
                    if (value := getattr(trigger, name, None)) is not None
                },
            }
            for trigger in found.triggers
        ],
    }
    if source:
        body["source"] = found.source
    return body


def trigger(found: Trigger) -> dict[str, Any]:
    """A trigger as its flow says it."""
    given = found.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {**given, "id": found.id, "type": found.type, "disabled": found.disabled}


def trigger_state(standing: Standing, execution_id: str | None) -> dict[str, Any]:
    """Where a trigger stands, under the names that both generations of the reference have for it."""
    row, flow = standing.row, standing.flow
    kept = row.get("backfill")
    next_date = row.get("next_date")
    if kept and not kept["paused"]:
        next_date = _moment(kept["currentDate"])
    return {
        "namespace": flow.namespace,
        "flowId": flow.id,
        "triggerId": standing.trigger.id,
        "date": row.get("last_date"),
        "lastTriggeredDate": row.get("last_date"),
        "nextExecutionDate": next_date,
        "nextEvaluationDate": next_date,
        "executionId": execution_id,
        "locked": execution_id is not None,
        "updatedDate": row.get("updated_at"),
        "updatedAt": row.get("updated_at"),
        "stopAfter": standing.trigger.stop_after,
        "disabled": standing.is_disabled,
        "backfill": _backfill(kept) if kept else None,
    }


def _backfill(kept: Row) -> dict[str, Any]:
    labels = [{"key": key, "value": value} for key, value in (kept["labels"] or {}).items()]
    return {**kept, "inputs": shown(kept["inputs"] or {}), "labels": labels}


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
