"""Flows and their revisions."""

from __future__ import annotations

from typing import Any

from flowbook.errors import Conflict, NotFound

from .backfills import drop_backfill
from .transaction import Rows, Transaction, action


@action("flows", "revisions", about=("namespace", "id"))
def save_flow(
    tx: Transaction,
    *,
    namespace: str,
    id: str,
    source: str,
    digest: str | None = None,
    folder: str | None = None,
    origin: str | None = None,
    labels: Any = None,
    description: str | None = None,
    disabled: bool = False,
    draft: bool = False,
    expected: int | None = None,
) -> Rows:
    """A new revision if the text changed, a draft became published, or a deleted flow comes back. A draft
    with the text of the published revision is that revision.

    `expected` is the revision that was edited: if it isn't the latest any more the answer is Conflict.
    """
    flow = tx.row("flows", namespace, id)
    latest = tx.query("latest_revision", namespace=namespace, flow_id=id)
    last = latest[0] if latest else None
    if expected is not None and last is not None and last["revision"] != expected:
        raise Conflict(
            f"Flow {namespace}.{id} was changed since revision {expected}: the latest is {last['revision']}."
        )
    if draft and flow is not None and not flow["draft"] and not flow["deleted"]:
        published = tx.row("revisions", namespace, id, flow["revision"])
        if published is not None and published["source"] == source:
            return [{"revision": flow["revision"], "new": False, "draft": False}]
    same = last is not None and last["source"] == source and (bool(last["draft"]) or not draft)
    if same and last is not None and last["draft"] and not draft:  # the draft is published as it is
        tx.put("revisions", **{**last, "draft": False})
    is_new = not same or (flow is not None and bool(flow["deleted"]))
    revision = (last["revision"] if last else 0) + (1 if is_new else 0)
    if is_new:
        tx.put(
            "revisions",
            namespace=namespace,
            flow_id=id,
            revision=revision,
            source=source,
            digest=digest,
            folder=folder,
            draft=draft,
            deleted=False,
            created_at=tx.now,
        )
    row = {
        "namespace": namespace,
        "id": id,
        "revision": revision,
        "disabled": disabled,
        "deleted": False,
        "origin": origin,
        "labels": labels,
        "description": description,
        "draft": draft,
    }
    if draft and flow is not None and not flow["draft"] and not flow["deleted"]:
        # a draft beside a published flow: what is scheduled and shown stays the published revision
        return [{"revision": revision, "new": is_new, "draft": True}]
    if flow is None or any(flow[name] != value for name, value in row.items()):
        tx.put("flows", **row, updated_at=tx.now)
    return [{"revision": revision, "new": is_new, "draft": draft}]


@action("flows", "triggers", "windows", "backfills")
def delete_flow(tx: Transaction, *, namespace: str, id: str) -> Rows:
    """Mark a flow deleted; its revisions and history stay, its triggers go."""
    flow = tx.row("flows", namespace, id)
    if flow is None or flow["deleted"]:
        return [{"deleted": False}]
    tx.put("flows", **{**flow, "deleted": True, "updated_at": tx.now})
    for trigger in tx.query("triggers_of", namespace=namespace, flow_id=id):
        drop_backfill(tx, (namespace, id, trigger["trigger_id"]), trigger)
        tx.delete("triggers", namespace, id, trigger["trigger_id"])
    for window in tx.query("windows_of", namespace=namespace, flow_id=id):
        tx.delete("windows", namespace, id, window["trigger_id"])
    return [{"deleted": True, "revision": flow["revision"]}]


@action("flows")
def disable_flow(tx: Transaction, *, namespace: str, id: str, disabled: bool = True) -> Rows:
    """Switch a flow off or on without a new revision."""
    flow = tx.row("flows", namespace, id)
    if flow is None or flow["deleted"]:
        raise NotFound(f"Flow {namespace}.{id} isn't there.")
    if bool(flow["disabled"]) != disabled:
        tx.put("flows", **{**flow, "disabled": disabled, "updated_at": tx.now})
    return [{"disabled": disabled}]
