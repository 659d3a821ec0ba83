"""The Flow triggers of the deployed flows, kept in memory: what a change of state is compared with.

They are read once and again after a flow has been deployed or a trigger switched, of which the history tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from flowbook.errors import FlowbookError, FlowInvalid
from flowbook.flows.conditions import FLOW_TRIGGER, Condition

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.kinds.state import State
    from flowbook.plugin.core.trigger.flow import Flow as FlowTrigger
    from flowbook.store.rows import Batch
    from flowbook.triggers.windows import Gathering

    from .workspace import Workspace

TABLES = ("flows", "triggers")
Key: TypeAlias = tuple[str, str, str]
"""Namespace, flow, trigger."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A Flow trigger of a deployed flow."""

    flow: Flow
    trigger: FlowTrigger
    states: frozenset[State]
    """Those it looks at."""
    plain: tuple[Condition, ...]
    """What must hold of every execution it looks at."""
    waits: tuple[tuple[Gathering, Mapping[str, Condition]], ...]
    """What it gathers, each with its conditions by name."""
    off: bool = False
    """Switched off, in the text or by hand."""

    @property
    def key(self) -> Key:
        return self.flow.namespace, self.flow.id, self.trigger.id

    @property
    def owner(self) -> tuple[str, str]:
        """Namespace and id of its flow."""
        return self.flow.namespace, self.flow.id

    @property
    def name(self) -> str:
        """`namespace.flow.trigger`, for messages."""
        return ".".join(self.key)


class FlowTriggers:
    """The Flow triggers of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.listed: tuple[Listed, ...] = ()
        """Those that are on, as they were read last."""
        self.all: dict[Key, Listed] = {}
        """The same with those that are switched off."""
        self.unread = False
        """There may be more: the text of a flow could not be read."""
        self._changes, self._read = 1, 0
        """How often they have changed, and how many of the changes are read."""
        self.changed = asyncio.Event()
        """Set when they must be read again; whoever waits for it clears it."""
        self._reading = asyncio.Lock()
        self._follower: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to read them, and to hear of changes."""
        self._follower = self._workspace.store.follow(tables=TABLES)
        self._tasks = [
            asyncio.create_task(self._listen(), name="flowbook-triggers-news"),
            asyncio.create_task(self.ready(), name="flowbook-triggers"),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._follower is not None:
            await self._follower.aclose()

    @property
    def stale(self) -> bool:
        """Whether they must be read before they are compared with; also while they are being read."""
        return self._read != self._changes

    async def ready(self) -> None:
        """Return when they are known as they are now; if the history can't be asked, as they were."""
        async with self._reading:
            changes = self._changes
            if self._read == changes:
                return
            try:
                with self._workspace.clock.working():
                    rows = await self._workspace.store.query("flows_with_flow_triggers")
            except FlowbookError as error:
                _log.warning("Flow triggers aren't read: %s", error)
                return
            self.unread = False
            self.all = {each.key: each for row in rows for each in self._of(row)}
            self.listed = tuple(each for each in self.all.values() if not each.off)
            self._read = changes

    def forget(self) -> None:
        """Read them again before they are needed next."""
        self._changes += 1
        self.changed.set()

    def _of(self, row: dict[str, Any]) -> Iterator[Listed]:
        try:
            flow = self._workspace.flows.parsed(row)
        except FlowInvalid:  # written by another version; whoever runs it says what is wrong
            self.unread = True
            return
        off = set(row["off"] or ())
        disabled = bool(row["disabled"]) or flow.disabled
        yield from of_flow(flow, disabled=disabled, off=off)

    async def _listen(self) -> None:
        with contextlib.suppress(StopAsyncIteration, FlowbookError):
            async for batch in self._follower:
                if self._concerns(batch):
                    self.forget()

    def _concerns(self, batch: Batch) -> bool:
        for change in batch.changes:
            values = change.values or {}
            if change.table == "flows":
                if not values.get("draft"):
                    return True
                continue
            namespace, flow_id, trigger_id = map(str, change.key)
            listed = self.all.get((namespace, flow_id, trigger_id))
            off = bool(values.get("disabled"))
            if listed is not None and (off or listed.trigger.disabled) is not listed.off:
                return True
        return False


class Follows(TypedDict):
    """One Flow trigger as lists show it."""

    flow: str
    trigger: str
    type: str
    waits_for: str
    next: datetime | None
    """When the window ends, if somebody minds."""
    last: datetime | None
    last_execution: str | None
    disabled: bool


async def follows(workspace: Workspace, namespace: str | None = None) -> list[Follows]:
    """The Flow triggers of a workspace, by flow."""
    rows = await workspace.store.query("triggers_list", namespace=namespace, flow_id=None)
    noted = {(row["namespace"], row["flow_id"], row["trigger_id"]): row for row in rows}
    await workspace.triggering.triggers.ready()
    known = workspace.triggering.triggers.all
    return [
        Follows(
            flow=listed.flow.uid,
            trigger=listed.trigger.id,
            type=FLOW_TRIGGER,
            waits_for=listed.trigger.sentence,
            next=noted.get(key, {}).get("next_date"),
            last=noted.get(key, {}).get("last_date"),
            last_execution=noted.get(key, {}).get("last_execution_id"),
            disabled=listed.off,
        )
        for key, listed in known.items()
        if namespace is None or f"{key[0]}.".startswith(f"{namespace}.")
    ]


def of_flow(flow: Flow, *, disabled: bool = False, off: set[str] | None = None) -> Iterator[Listed]:
    """The Flow triggers of one flow; `off` are switched off by hand."""
    for trigger in flow.triggers:
        if trigger.type != FLOW_TRIGGER:
            continue
        of_type: FlowTrigger = trigger  # type: ignore[assignment]  # its type says so
        try:
            yield Listed(
                flow=flow,
                trigger=of_type,
                states=of_type.looks_at(flow.dialect),
                plain=tuple(of_type.plain()),
                waits=tuple(of_type.waits_for(flow.dialect)),
                off=disabled or trigger.disabled or trigger.id in (off or ()),
            )
        except ValueError as error:
            _log.warning("Flow trigger %s.%s never fires: %s", flow.uid, trigger.id, error)
