"""What people do to a trigger: switch it off and on, let it go on without waiting, let it begin anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, FlowbookError, InputInvalid, NotFound
from flowbook.flows.messages import did_you_mean
from flowbook.kinds.find import canonical

from .flows import split_uid

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.kinds.trigger import Trigger

    from .workspace import Workspace


async def switch(
    workspace: Workspace, uid: str, trigger: str | None = None, *, disabled: bool
) -> str:
    """Disable a trigger, which drops its backfill, or enable it; dates it missed meanwhile follow its
    recovery. Its id. Raises `NotFound`, `Conflict` if it is so already."""
    found, names = await _named(workspace, uid, trigger)
    row = await _row(workspace, names)
    if not disabled and found.disabled:
        raise Conflict(
            f"Trigger '{found.id}' of {uid} is disabled in the flow's text: take 'disabled: true' out there"
        )
    if bool(row.get("disabled")) is disabled or (disabled and found.disabled):
        raise Conflict(
            f"Trigger '{found.id}' of {uid} is {'disabled' if disabled else 'enabled'} already"
        )
    kind = canonical("trigger", found.type) or found.type
    await workspace.store.transact("switch_trigger", **names, type=kind, disabled=disabled)
    workspace.triggering.triggers.forget()
    return found.id


async def unlock(workspace: Workspace, uid: str, trigger: str | None = None) -> str:
    """Let a trigger go on without waiting for its last execution; that goes on too. Its id.

    Raises `NotFound`, `Conflict` if it waits for none.
    """
    found, names = await _named(workspace, uid, trigger)
    row = await _row(workspace, names)
    if await awaited(workspace, row) is None:
        raise Conflict(f"Trigger '{found.id}' of {uid} waits for no execution")
    await workspace.store.transact("unlock_trigger", **names)
    return found.id


async def forget(workspace: Workspace, uid: str, trigger: str) -> None:
    """Forget where a trigger stands, its backfill with it: it begins anew from now. Raises `NotFound`."""
    namespace, flow_id = split_uid(uid)
    rows = await workspace.store.transact(
        "delete_trigger", namespace=namespace, flow_id=flow_id, trigger_id=trigger
    )
    if not rows[0]["deleted"]:
        raise NotFound(f"There is no trigger '{trigger}' of {uid}")


async def _named(
    workspace: Workspace, uid: str, trigger: str | None
) -> tuple[Trigger, dict[str, str]]:
    """The named trigger of a deployed flow, or its only one, and its row's key."""
    namespace, flow_id = split_uid(uid)
    flow, row = await workspace.flows.load(namespace, flow_id)
    ids = [each.id for each in flow.triggers]
    if row["draft"]:
        raise Conflict(f"{uid} is a draft, and drafts have no triggers: deploy it")
    if not ids:
        raise NotFound(f"{uid} has no triggers")
    if trigger is None and len(ids) > 1:
        raise InputInvalid([f"{uid} has several triggers: say which, {', '.join(ids)}"])
    for each in flow.triggers:
        if trigger in (None, each.id):
            names = {"namespace": namespace, "flow_id": flow_id, "trigger_id": each.id}
            return each, names
    hint = did_you_mean(str(trigger), ids) or f"It has {', '.join(ids)}."
    raise NotFound(f"{uid} has no trigger '{trigger}'. {hint}")


async def _row(workspace: Workspace, names: dict[str, str]) -> dict[str, Any]:
    rows = await workspace.store.query(
        "triggers_of", namespace=names["namespace"], flow_id=names["flow_id"]
    )
    return next((row for row in rows if row["trigger_id"] == names["trigger_id"]), {})


@dataclass(frozen=True, slots=True)
class Standing:
    """A trigger of a deployed flow and its row, which is empty as long as nothing happened to it."""

    flow: Flow
    trigger: Trigger
    row: Mapping[str, Any]

    @property
    def is_disabled(self) -> bool:
        """In the text, or by hand."""
        return self.trigger.disabled or bool(self.row.get("disabled"))


async def standings(
    workspace: Workspace,
    *,
    namespace: str | None = None,
    flow_id: str | None = None,
    trigger_id: str | None = None,
    q: str | None = None,
) -> list[Standing]:
    """The triggers of deployed flows, of a namespace and those below, by flow and place in it."""
    noted = {
        (row["namespace"], row["flow_id"], row["trigger_id"]): row
        for row in await workspace.store.query(
            "triggers_list", namespace=namespace, flow_id=flow_id
        )
    }
    found = []
    for row in await workspace.store.query("flows_latest", namespace=namespace, q=None):
        if row["draft"] or flow_id not in (None, row["id"]):
            continue
        try:
            flow = workspace.flows.parsed({**row, "flow_id": row["id"]})
        except FlowbookError:  # written by another version
            continue
        for each in flow.triggers:
            key = flow.namespace, flow.id, each.id
            if trigger_id in (None, each.id) and (q is None or q.lower() in ".".join(key).lower()):
                found.append(Standing(flow, each, noted.get(key, {})))
    return found


async def awaited(workspace: Workspace, row: Mapping[str, Any]) -> str | None:
    """The execution that a trigger waits for."""
    last: str | None = row.get("last_execution_id")
    if last is None or (row.get("state") or {}).get("unlocked") == last:
        return None
    runs = await workspace.store.query("execution_row", id=last)
    return last if runs and runs[0]["ended_at"] is None else None
