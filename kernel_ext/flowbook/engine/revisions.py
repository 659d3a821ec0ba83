"""The revisions of a flow: listed, compared, brought back."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, NotFound
from flowbook.flows.model import Flow

from .flows import split_uid

if TYPE_CHECKING:
    from .workspace import Workspace


async def listed(workspace: Workspace, uid: str) -> list[dict[str, Any]]:
    """All revisions of a flow, newest first. Raises `NotFound`."""
    namespace, flow_id = split_uid(uid)
    rows = await workspace.store.query("revisions_of", namespace=namespace, id=flow_id)
    if not rows:
        raise NotFound(f"Unable to find flow '{namespace}'.'{flow_id}'")
    return rows


async def compared(
    workspace: Workspace, uid: str, old: int | None = None, new: int | None = None
) -> str:
    """How two revisions differ, as a unified diff; by default the newest and the one before it, or the
    one that is named and the newest. Raises `NotFound`."""
    rows = await listed(workspace, uid)
    by_number = {int(row["revision"]): row for row in rows}
    numbers = sorted(by_number)
    last = numbers[-1] if new is None else new
    first = next((n for n in reversed(numbers) if n < last), last) if old is None else old
    before, after = _text(uid, by_number, first), _text(uid, by_number, last)
    lines = unified_diff(
        before, after, f"{uid} revision {first}", f"{uid} revision {last}", lineterm=""
    )
    return "\n".join(lines)


def _text(uid: str, by_number: Mapping[int, Mapping[str, Any]], number: int) -> list[str]:
    if number not in by_number:
        known = ", ".join(str(one) for one in sorted(by_number))
        raise NotFound(f"Flow '{uid}' has no revision {number}; it has {known}")
    return str(by_number[number]["source"]).splitlines()


async def restored(workspace: Workspace, uid: str, revision: int) -> Flow:
    """Make the text of an older revision the one that counts: a new revision. Raises `NotFound`,
    `Conflict` when the flow's file has been changed since."""
    rows = await listed(workspace, uid)
    _text(uid, {int(row["revision"]): row for row in rows}, revision)
    return await published(workspace, uid, revision)


async def published(workspace: Workspace, uid: str, revision: int | None = None) -> Flow:
    """Make a revision's text (the newest, drafts included) the one that counts; a flow with a file is
    saved there. Raises `NotFound`, `Conflict`."""
    rows = await listed(workspace, uid)
    number = int(rows[0]["revision"]) if revision is None else revision
    flow, row = await workspace.flows.load(*split_uid(uid), number)
    origin = None if row["flow_deleted"] else row["origin"]
    if origin is None:
        return await workspace.deploy(flow)
    return await _into_file(workspace, flow, str(origin), [str(one["source"]) for one in rows])


async def _into_file(workspace: Workspace, flow: Flow, origin: str, known: list[str]) -> Flow:
    from .notebook_flow import written

    path = workspace.place.root / origin
    if path.exists() and (text := path.read_text("utf-8")) != flow.source:
        if text not in known:
            raise Conflict(
                f"{origin} holds something else than any revision of '{flow.uid}': deploy the file first, or "
                "put the text there yourself"
            )
    written(path, flow.source)
    return await workspace.deploy(path)
