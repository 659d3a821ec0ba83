"""Two executions of a flow side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Any

from flowbook.errors import NotFound
from flowbook.views.difference import Difference, Ran, Side

if TYPE_CHECKING:
    from .workspace import Workspace

GOOD = ("SUCCESS", "WARNING")
LOOKED_AT = 50


async def compared(workspace: Workspace, new: str, old: str | None = None) -> Difference:
    """How an execution differs from an older one: from the flow's last good one before it, if none is named.

    Raises `NotFound`.
    """
    after = await workspace.history.row(new)
    before = await workspace.history.row(old or await _last_good(workspace, after))
    return Difference(
        old=await _side(workspace, before),
        new=await _side(workspace, after),
        text=await _text(workspace, before, after),
    )


async def _last_good(workspace: Workspace, row: Mapping[str, Any]) -> str:
    rows = await workspace.history.executions(
        namespace=row["namespace"], flow_id=row["flow_id"], states=list(GOOD), limit=LOOKED_AT
    )
    created = _moment(row["created_at"])
    for one in rows:
        is_older = one["id"] != row["id"] and _moment(one["created_at"]) <= created
        if one["namespace"] == row["namespace"] and is_older:
            driver = await workspace.adoption.read(one["id"])
            if driver.execution.only is None:  # not a part of the flow alone
                return str(one["id"])
    uid = f"{row['namespace']}.{row['flow_id']}"
    raise NotFound(
        f"No execution of '{uid}' before {row['id'][:6]} ended well: name the one to compare with"
    )


async def _side(workspace: Workspace, row: Mapping[str, Any]) -> Side:
    outputs = {
        one["task_run_id"]: one["outputs"] or {}
        for one in await workspace.history.outputs(row["id"])
    }
    runs: dict[str, Ran] = {}
    seen: Counter[str] = Counter()
    for run in await workspace.history.task_runs(row["id"]):
        name = run["task_id"] if run["value"] is None else f"{run['task_id']}[{run['value']}]"
        seen[name] += 1
        key = name if seen[name] == 1 else f"{name} ({seen[name]})"
        runs[key] = Ran(
            state=run["state"],
            seconds=_seconds(run["started_at"], run["ended_at"]),
            outputs=outputs.get(run["id"], {}),
        )
    return Side(
        id=row["id"],
        flow=f"{row['namespace']}.{row['flow_id']}",
        revision=int(row["flow_revision"]),
        state=row["state"],
        seconds=_seconds(row["started_at"], row["ended_at"]),
        inputs=row["inputs"] or {},
        outputs=row["outputs"] or {},
        error=(row["error"] or {}).get("message"),
        runs=runs,
    )


async def _text(workspace: Workspace, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs in the text of the two revisions, as the hunks of a unified diff."""
    before, after = [
        (await workspace.flows.load(row["namespace"], row["flow_id"], row["flow_revision"]))[0]
        for row in (old, new)
    ]
    lines = unified_diff(before.source.splitlines(), after.source.splitlines(), lineterm="", n=1)
    return "\n".join(islice(lines, 2, None))  # without the names


def _seconds(start: Any, end: Any) -> float | None:
    if start is None or end is None:
        return None
    return (_moment(end) - _moment(start)).total_seconds()


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
