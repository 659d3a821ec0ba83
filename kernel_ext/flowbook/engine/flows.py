"""Flows in the history: saved as revisions, loaded once, found by `namespace.id`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from flowbook.errors import Conflict, NotFound
from flowbook.flows.model import Flow
from flowbook.storage.files import Storage

if TYPE_CHECKING:
    from flowbook.store.client import Store
    from flowbook.workspace.place import Place

KEPT = 200
"""Parsed revisions kept in memory."""
FRESH = 0.25
"""Seconds after which somebody else may have deployed: as late as a wish is heard."""

Loading: TypeAlias = "asyncio.Future[tuple[Flow, Mapping[str, Any]]]"


class Flows:
    """The flows of a workspace."""

    def __init__(self, store: Store, place: Place) -> None:
        self._store = store
        self._place = place
        self._parsed: OrderedDict[tuple[str, str, int], Flow] = OrderedDict()
        self._latest: dict[tuple[str, str], tuple[float, Loading]] = {}

    async def save(self, flow: Flow, *, draft: bool, expected: int | None = None) -> int:
        """Keep a flow's text; a new revision only if it changed. Its revision."""
        return (await self._save(flow, draft=draft, expected=expected))[0]

    async def kept(self, flow: Flow) -> tuple[int, bool]:
        """The revision of a flow's text, and whether it is a draft: the published one if it is the same."""
        return await self._save(flow, draft=True)

    async def _save(
        self, flow: Flow, *, draft: bool, expected: int | None = None
    ) -> tuple[int, bool]:
        folder = flow.folder
        origin = self.origin(flow)
        rows = await self._store.transact(
            "save_flow",
            namespace=flow.namespace,
            id=flow.id,
            source=flow.source,
            digest=hashlib.sha256(flow.source.encode()).hexdigest(),
            folder=None if folder is None else str(folder),
            origin=origin,
            labels=[{"key": label.key, "value": label.value} for label in flow.labels],
            description=flow.description,
            disabled=flow.disabled,
            draft=draft,
            expected=expected,
        )
        revision = int(rows[0]["revision"])
        self._latest.pop((flow.namespace, flow.id), None)
        if not draft:
            await asyncio.to_thread(self._freeze, flow, revision)
        self._keep(flow, revision)
        return revision, bool(rows[0]["draft"])

    def _freeze(self, flow: Flow, revision: int) -> None:
        """Keep the notebooks that the flow pins."""
        if "pinned" in flow.source:
            from flowbook.plugin.jupyter.pinned import freeze

            folders = [folder for folder in (flow.folder, self._place.root) if folder is not None]
            uid = (flow.namespace, flow.id, revision)
            freeze(Storage(self._place.storage), uid, flow.all_tasks(), folders)

    def origin(self, flow: Flow) -> str | None:
        """The file below `flows/` that the flow came from, relative to the workspace."""
        path = Path(flow.name)
        if not path.is_absolute() or not path.is_relative_to(self._place.flows.resolve()):
            return None
        return str(path.relative_to(self._place.root.resolve()))

    async def load(
        self, namespace: str, flow_id: str, revision: int | None = None
    ) -> tuple[Flow, Mapping[str, Any]]:
        """A revision, parsed, with its row; without a number the one that counts. Raises `NotFound`."""
        rows = await self._store.query(
            "flow_revision", namespace=namespace, id=flow_id, revision=revision
        )
        if not rows or (rows[0].get("flow_deleted") and revision is None):
            which = f" with revision '{revision}'" if revision is not None else ""
            said = f"Unable to find flow '{namespace}'.'{flow_id}'{which}"
            raise NotFound(said + await self._near(namespace, flow_id, revision))
        row = rows[0]
        return self.parsed(row), row

    async def _near(self, namespace: str, flow_id: str, revision: int | None) -> str:
        """What to try instead of a flow, or a revision, that isn't there."""
        if revision is not None:
            rows = await self._store.query("revisions_of", namespace=namespace, id=flow_id)
            known = ", ".join(str(row["revision"]) for row in reversed(rows))
            return f"\n    It has {known}." if known else ""
        rows = await self._store.query("flows_latest", namespace=None, q=None)
        known_ids = [f"{row['namespace']}.{row['id']}" for row in rows]
        near = get_close_matches(f"{namespace}.{flow_id}", known_ids, n=1, cutoff=0.8)
        return f"\n    Did you mean '{near[0]}'?" if near else ""

    async def latest(self, namespace: str, flow_id: str) -> Flow:
        """The revision that counts, as it was at most a moment ago: for what is asked again and again.
        Raises `NotFound`."""
        key, now = (namespace, flow_id), time.monotonic()
        known = self._latest.get(key)
        if known is None or now - known[0] >= FRESH:
            asked = asyncio.ensure_future(self.load(namespace, flow_id))
            known = self._latest[key] = now, asked
        return (await asyncio.shield(known[1]))[0]

    def parsed(self, row: Mapping[str, Any]) -> Flow:
        """The flow of a revision's row."""
        key = (row["namespace"], row["flow_id"], int(row["revision"]))
        flow = self._parsed.get(key)
        if flow is None:
            from flowbook.flows.parse import parse

            folder = row.get("folder")
            flow = parse(row["source"], f"{key[0]}.{key[1]}", folder=folder, namespace=key[0])
            self._keep(flow, key[2])
        else:
            self._parsed.move_to_end(key)
        return flow

    def _keep(self, flow: Flow, revision: int) -> None:
        self._parsed[flow.namespace, flow.id, revision] = flow
        while len(self._parsed) > KEPT:
            self._parsed.popitem(last=False)


def refuse_unrunnable(flow: Flow, *, disabled: bool = False) -> None:
    """Raises `Conflict` for a flow that can't be run: a draft with holes, or one switched off."""
    if flow.is_draft:
        holes = "\n".join(f"  {hole}" for hole in flow.holes)
        raise Conflict(f"Flow '{flow.uid}' is a draft:\n{holes}")
    if flow.disabled or disabled:
        raise Conflict(f"Requested Flow is disabled: '{flow.uid}'")


def split_uid(uid: str) -> tuple[str, str]:
    """`company.team.flow` → namespace and id (the last dot counts). Raises `NotFound`."""
    namespace, dot, flow_id = uid.rpartition(".")
    if not dot or not namespace or not flow_id:
        raise NotFound(f"'{uid}' names no flow: write it as namespace.id, like demo.greet")
    return namespace, flow_id
