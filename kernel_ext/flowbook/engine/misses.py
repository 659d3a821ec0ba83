"""Windows of Flow triggers that end without what was waited for: `onMiss`. The holder of the lease looks after them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, NotFound
from flowbook.expressions.render import Scope
from flowbook.flows.conditions import FLOW_TRIGGER
from flowbook.ids import new_id
from flowbook.kinds.change import Change
from flowbook.kinds.task import Level
from flowbook.plugin.core.trigger.flow import DEPENDS_ON
from flowbook.triggers.windows import Gathering, Shape

from .flow_triggers import Listed
from .trigger_labels import rendered_labels
from .triggered import Beginning, fail, is_there

if TYPE_CHECKING:
    from .workspace import Workspace

AGAIN = timedelta(seconds=5)
"""After a failure of the history."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """A trigger whose windows somebody minds, and the end of the one it is in."""

    listed: Listed
    gathering: Gathering
    end: datetime


async def watch_windows(workspace: Workspace) -> None:
    """At the end of each window that somebody minds, see whether it was missed. Until cancelled."""
    triggers = workspace.triggering.triggers
    while True:
        triggers.changed.clear()
        try:
            with workspace.clock.working():
                await triggers.ready()
                until = await _round(workspace)
        except FlowbookError as error:
            _log.warning("Windows of Flow triggers wait: %s", error)
            until = workspace.clock.now() + AGAIN
        changed = asyncio.create_task(triggers.changed.wait())
        timer = asyncio.create_task(_until(workspace, until))
        try:
            await asyncio.wait((changed, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (changed, timer):
                task.cancel()


async def _until(workspace: Workspace, moment: datetime | None) -> None:
    if moment is None:
        await asyncio.Event().wait()
    else:
        await workspace.clock.until(moment)


async def _round(workspace: Workspace) -> datetime | None:
    """Close what has ended; the next end of all windows."""
    await _clean(workspace)
    ends: list[datetime] = []
    minded = {each.key: each for each in workspace.triggering.triggers.listed if minds(each)}
    noted = await _noted(workspace) if minded else {}
    for key, listed in minded.items():
        gathering = next(each for each, _ in listed.waits if each.id == DEPENDS_ON)
        assert gathering.window is not None
        now, row = workspace.clock.now(), noted.get(key, {})
        shape = gathering.window.to_json()
        end = row.get("next_date") if (row.get("state") or {}).get("window") == shape else None
        if end is not None and end <= now:
            await _close(workspace, Watched(listed, gathering, end))
        following = end if end is not None and end > now else gathering.window.next_end(now)
        if following != end:
            await _note(workspace, listed, following, shape)
        ends.append(following)
    return min(ends, default=None)


async def _clean(workspace: Workspace) -> None:
    """Forget triggers that are no more."""
    known = workspace.triggering.triggers.all
    for row in await workspace.store.query("flow_triggers_noted", type=FLOW_TRIGGER):
        key = row["namespace"], row["flow_id"], row["trigger_id"]
        if key not in known and not workspace.triggering.triggers.unread:
            await workspace.store.transact("forget_flow_trigger", **row)


def minds(listed: Listed) -> bool:
    """Whether a trigger's windows have an end that matters."""
    windows = (each.window for each, _ in listed.waits if each.id == DEPENDS_ON)
    window = next(windows, None)
    wanted = listed.trigger.on_miss is not None
    return wanted and window is not None and window.shape is not Shape.LOOKBACK


async def _noted(workspace: Workspace) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    rows = await workspace.store.query("triggers_list", namespace=None, flow_id=None)
    return {(row["namespace"], row["flow_id"], row["trigger_id"]): row for row in rows}


async def _note(
    workspace: Workspace, listed: Listed, end: datetime, shape: Mapping[str, Any]
) -> None:
    namespace, flow_id, trigger_id = listed.key
    await workspace.store.transact(
        "save_trigger",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        type=FLOW_TRIGGER,
        next_date=end,
        state={"window": shape},
    )


async def _close(workspace: Workspace, watched: Watched) -> None:
    namespace, flow_id, trigger_id = watched.listed.key
    rows = await workspace.store.transact(
        "miss_window",
        namespace=namespace,
        flow_id=flow_id,
        trigger_id=trigger_id,
        gathering=watched.gathering.to_json(),
        end=watched.end,
        new_id=new_id(workspace.random),
        host=workspace.host.id,
    )
    for row in rows:
        await start_missed(workspace, watched.listed, row)


async def start_missed(workspace: Workspace, listed: Listed, row: Mapping[str, Any]) -> None:
    """The FAILED execution of a window that was missed; `row` is its entry in `fires`."""
    if await is_there(workspace, row["execution_id"]):
        return
    try:
        flow, revision = await workspace.flows.load(*listed.owner)
    except NotFound:
        return
    miss, trigger = listed.trigger.on_miss, listed.trigger
    end = row["date"].partition(" ")[2]
    seen = {"trigger": {"date": end}, "flow": {"id": flow.id, "namespace": flow.namespace}}
    wanted = None if miss is None else miss.labels
    labels, warnings = rendered_labels(wanted, Scope(seen, dialect=flow.dialect))
    names = ("namespace", "flow_id", "trigger_id", "date")
    settled = {
        **{name: row[name] for name in (*names, "execution_id")},
        "created_at": workspace.clock.now().isoformat(),
        "note": None,
    }
    beginning = Beginning(
        execution_id=row["execution_id"],
        flow=flow,
        revision=int(revision["revision"]),
        labels=labels,
        trigger={"id": trigger.id, "type": trigger.type, "variables": seen["trigger"]},
        settles=Change("fires", tuple(row[name] for name in names), settled),
    )
    shown = datetime.fromisoformat(end).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fail(workspace, beginning, f"Not all that was waited for came by {shown}")
    if (driver := workspace.drivers.get(row["execution_id"])) is not None:
        for warning in warnings:
            driver.note("", Level.WARN, warning)
    with contextlib.suppress(NotFound):
        await workspace.begun(row["execution_id"])
