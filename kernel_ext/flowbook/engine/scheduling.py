"""Fires the triggers with dates of a workspace: what the holder of its lease does, without a kernel or a tab.

Theory of operation. Every server of a workspace asks for one lease; who holds it keeps the next
date of each schedule in a heap and sleeps until the earliest. A date is fired in three steps, each
durable: the date is entered once for all servers (`fire` is unique), its execution is created under
the id that stands there, the schedule's row moves on. A holder that dies between two of them is
followed by one that finds the date entered and does the rest; nothing fires twice.

Where there are conditions, looking for a date may take seconds: that is done beside, in a worker thread,
while the schedule is out of the heap.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from flowbook.clock import Clock
from flowbook.errors import FlowbookError, WorkspaceError
from flowbook.ids import new_id, system_random
from flowbook.store.rows import Batch

from . import backfilling
from .entries import Entry, begins
from .fires import Around, Considered, Fire, considered, first
from .schedules import Scheduled, is_timed, schedules

LEASE = "triggers"
HELD = 8.0
"""Seconds a lease is good for without being renewed."""
RENEWED = 2.0
"""Seconds between two requests for it."""

T = TypeVar("T")
Key: TypeAlias = tuple[str, str, str]
log = logging.getLogger(__name__)


class Store(Protocol):
    """What the schedules need of the history."""

    async def transact(self, name: str, /, **params: Any) -> list[dict[str, Any]]: ...
    async def query(self, name_or_select: str, /, **params: Any) -> list[dict[str, Any]]: ...
    def follow(self, since: int | None = None) -> Any: ...


Start: TypeAlias = Callable[[Fire], Awaitable[None]]


async def unchanged(scheduled: Scheduled) -> Scheduled:
    return scheduled


@dataclass(slots=True)
class Scheduler:
    """Evaluates the schedules while this host holds the lease; `run` until cancelled."""

    store: Store
    host: str
    clock: Clock
    is_trusted: Callable[[], bool]
    start: Start
    around: Callable[[Scheduled, str], Around] = lambda scheduled, execution_id: Around()
    """What templates may call, for an execution to come."""
    random: random.Random = field(default_factory=system_random)
    held: bool = False
    """Whether this host holds the lease."""
    on_held: Callable[[bool], None] = lambda held: None
    """Told when the lease is won or lost."""
    on_new: Callable[[Scheduled], Awaitable[Scheduled]] = unchanged
    """Told of a schedule that the history knows nothing of; the same with what it begins with."""
    entries: dict[Key, Entry] = field(default_factory=dict)
    _heap: list[tuple[datetime, int, Key]] = field(default_factory=list)
    _numbers: Any = field(default_factory=itertools.count)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _stale: bool = True
    _beside: set[asyncio.Task[None]] = field(default_factory=set)
    _asked: datetime | None = None

    async def run(self) -> None:
        """Hold the lease as often as it can be had, and fire what is due meanwhile."""
        follower = self.store.follow()
        listening = asyncio.create_task(self._listen(follower), name="flowbook-schedules-news")
        try:
            while True:
                await self._turn()
                await self._wait(listening)
        finally:
            for task in (listening, *self._beside):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, FlowbookError):
                await listening
            await follower.aclose()
            if self.held:
                with contextlib.suppress(FlowbookError):
                    await self.store.transact("release_lease", name=LEASE, host=self.host)
            self._become(False)
            self._forget()  # what the history says counts, should it go on

    @property
    def next_date(self) -> datetime | None:
        """When the next schedule is due."""
        while self._heap:
            date, number, key = self._heap[0]
            entry = self.entries.get(key)
            if entry is not None and entry.number == number and entry.may_fire:
                return date
            heapq.heappop(self._heap)
        return None

    async def _turn(self) -> None:
        await self._renew()
        if not self.held:
            self._forget()
            return
        if self._stale:
            self._stale = False
            await self._load()
        until = self._renews_at  # however much is due, the lease is kept meanwhile
        while (date := self.next_date) is not None and date <= self.clock.now() < until:
            _, _, key = heapq.heappop(self._heap)
            entry = self.entries[key]
            entry.is_firing = True
            if entry.is_slow:
                self._do_beside(self._fire(entry))
            else:
                await self._fire(entry)

    @property
    def _renews_at(self) -> datetime:
        assert self._asked is not None
        return self._asked + timedelta(seconds=RENEWED)

    async def _renew(self) -> None:
        now = self.clock.now()
        if self._asked is not None and now < self._renews_at:
            return
        self._asked = now
        if not self.is_trusted():
            self._become(False)
            return
        [answer] = await self.store.transact("lease", name=LEASE, host=self.host, seconds=HELD)
        self._become(bool(answer["held"]))

    def _become(self, held: bool) -> None:
        if held is not self.held:
            self.held, self._stale = held, True
            self.on_held(held)

    def _forget(self) -> None:
        self.entries.clear()
        self._heap.clear()

    async def _wait(self, listening: asyncio.Task[None]) -> None:
        """Until something is due, the lease wants renewing, or there is news.

        Raises: FlowbookError when no news can come any more.
        """
        until = self._renews_at
        if (date := self.next_date) is not None:
            until = min(until, date)
        news = asyncio.create_task(self._news.wait())
        timer = asyncio.create_task(self.clock.until(until))
        try:
            await asyncio.wait((news, timer, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (news, timer):
                task.cancel()
        self._news.clear()
        if listening.done():
            listening.result()
            raise WorkspaceError("The history has stopped telling what is new.")

    # -- news ------------------------------------------------------------------------------------

    async def _listen(self, follower: Any) -> None:
        async for batch in follower:
            if self.held and self._notices(batch):
                self._news.set()

    def _notices(self, batch: Batch) -> bool:
        noticed = False
        for change in batch.changes:
            values = change.values or {}
            if change.table in ("flows", "revisions"):
                self._stale = noticed = True
            elif change.table == "triggers":
                noticed = self._changed(tuple(map(str, change.key)), change.values) or noticed  # type: ignore[arg-type]
            elif change.table == "executions" and values.get("ended_at"):
                noticed = self._ended(str(change.key[0]), str(values.get("state"))) or noticed
        return noticed

    def _changed(self, key: Key, values: Mapping[str, Any] | None) -> bool:
        """The row of a trigger was written, perhaps by somebody else."""
        entry = self.entries.get(key)
        if values is None:  # forgotten: it begins anew
            self._stale = self._stale or self.entries.pop(key, None) is not None
        elif entry is None:
            self._stale = self._stale or begins(values)
        elif entry.differs(values):
            self._stale = True
        elif entry.unlock(values):
            self._push(entry)
            return True
        return self._stale

    def _ended(self, execution_id: str, state: str) -> bool:
        """An execution of a schedule is over."""
        for entry in self.entries.values():
            if entry.has_ended(execution_id, state):
                if entry.is_stopped:
                    self._do_beside(self._stop(entry))
                self._push(entry)
                return True
        return False

    # -- the heap --------------------------------------------------------------------------------

    async def _load(self) -> None:
        """Read the schedules; one that is known keeps its date, one that isn't gets its next."""
        now = self.clock.now()
        found = await schedules(self.store)
        known, self.entries, self._heap = self.entries, {}, []
        for scheduled in found:
            if scheduled.disabled or scheduled.problem:
                if scheduled.problem:
                    log.warning("Schedule %s never fires: %s", scheduled.name, scheduled.problem)
                if scheduled.trigger.disabled and scheduled.backfill is not None:
                    await self.store.transact("delete_backfill", **Entry(scheduled).names)
                continue
            entry = known.get(scheduled.key)
            if entry is not None and entry.scheduled.current == scheduled.current:
                entry.scheduled = scheduled
            else:
                if scheduled.is_new:
                    scheduled = await self.on_new(scheduled)
                entry = Entry(scheduled, running=await self._running(scheduled))
                self.entries[scheduled.key] = entry
                if entry.is_slow:
                    self._do_beside(self._begin(entry, now))
                else:
                    await self._begin(entry, now)
            self.entries[scheduled.key] = entry
            self._push(entry)
        await self._clean(found)

    async def _begin(self, entry: Entry, now: datetime) -> None:
        """Find the date that a schedule goes on with."""
        scheduled = entry.scheduled
        entry.due = await self.reckoned(entry, partial(first, scheduled, now), None)
        if not self.counts(entry):
            return
        if entry.due != scheduled.next_date or not scheduled.same_rhythm:
            await self._note(entry)
        self._push(entry)

    async def _running(self, scheduled: Scheduled) -> str | None:
        if scheduled.last_execution_id in (None, scheduled.unlocked):
            return None
        rows = await self.store.query("execution_row", id=scheduled.last_execution_id)
        return scheduled.last_execution_id if rows and rows[0]["ended_at"] is None else None

    async def _clean(self, found: list[Scheduled]) -> None:
        """Forget the rows of schedules that are no more."""
        keys = {scheduled.key for scheduled in found}
        for row in await self.store.query("triggers_list", namespace=None, flow_id=None):
            key = row["namespace"], row["flow_id"], row["trigger_id"]
            if key not in keys and is_timed(row["type"] or ""):
                namespace, flow_id, trigger_id = key
                await self.store.transact(
                    "delete_trigger", namespace=namespace, flow_id=flow_id, trigger_id=trigger_id
                )

    def _push(self, entry: Entry) -> None:
        entry.number = next(self._numbers)
        if (date := entry.date) is not None and entry.may_fire and self.counts(entry):
            heapq.heappush(self._heap, (date, entry.number, entry.scheduled.key))

    def counts(self, entry: Entry) -> bool:
        """Whether it is still the one of its schedule: the flow may have changed, the lease be lost."""
        return self.entries.get(entry.scheduled.key) is entry

    # -- beside ----------------------------------------------------------------------------------

    def _do_beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._beside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("Schedules are read again: %s", error)
            self._forget()
            self._stale = True
        self._news.set()

    async def reckoned(self, entry: Entry, work: Callable[[], T], otherwise: T) -> T:
        """What comes out of looking for dates; a trigger of somebody's own that can't is left alone."""
        try:
            if not entry.is_slow:
                return work()
            with self.clock.working():
                return await asyncio.to_thread(work)
        except Exception as error:
            log.warning("Schedule %s never fires: %r", entry.scheduled.name, error)
            return otherwise

    # -- firing ----------------------------------------------------------------------------------

    async def _fire(self, entry: Entry) -> None:
        """Make the execution of a date that has come: of a backfill, or the schedule's own."""
        try:
            if entry.backfill is not None:
                await backfilling.fire(self, entry)
            else:
                await self._fire_own(entry)
        finally:
            entry.is_firing = False
        self._push(entry)

    async def _fire_own(self, entry: Entry) -> None:
        """Make the execution of the date that is due, and move on to the next."""
        scheduled, date = entry.scheduled, entry.due
        assert date is not None
        entry.due = None
        execution_id = new_id(self.random)
        around = self.around(scheduled, execution_id)
        look: Callable[[], Considered] = partial(
            considered, scheduled, date, self.clock.now(), execution_id, around
        )
        never: Considered = (None, None)
        wanted, following = await self.reckoned(entry, look, never)
        if not self.counts(entry):
            return
        entry.due = following
        if wanted is None:
            await self._note(entry)
        else:
            [row] = await self.store.transact(
                "fire", **entry.names, date=date, execution_id=execution_id
            )
            await self.create(wanted, row, entry)
            await self._note(entry, last_date=date, last_execution_id=row["execution_id"])

    async def create(self, wanted: Fire, row: Mapping[str, Any], entry: Entry) -> None:
        """Create the execution, unless whoever entered the date has done so, and wait for it if so asked."""
        if not await self._creates(wanted, row, entry):
            entry.running = None
        elif entry.running is not None and entry.scheduled.trigger.allow_concurrent:
            entry.abreast.add(entry.running)
            entry.running = None

    async def _creates(self, wanted: Fire, row: Mapping[str, Any], entry: Entry) -> bool:
        """Whether there is an execution that isn't over, as far as that is known."""
        run_id = entry.running = str(
            row["execution_id"]
        )  # its end may be news before `start` returns
        if not row["fired"] and (rows := await self.store.query("execution_row", id=run_id)):
            return rows[0]["ended_at"] is None
        try:
            await self.start(replace(wanted, execution_id=run_id))
        except FlowbookError as error:
            log.warning("%s.%s didn't start: %s", wanted.namespace, wanted.flow_id, error)
            return False
        return True

    async def _stop(self, entry: Entry) -> None:
        """Switch a schedule off, and its backfill with it."""
        await self.store.transact(
            "switch_trigger", **entry.names, type=entry.scheduled.type, disabled=True
        )

    async def _note(self, entry: Entry, **values: Any) -> None:
        """Write where a schedule stands."""
        await self.store.transact(
            "save_trigger",
            **entry.names,
            type=entry.scheduled.type,
            next_date=entry.due,
            state={"rhythm": entry.scheduled.current},
            **values,
        )
