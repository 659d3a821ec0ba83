"""Executions that other hosts drove, and wishes about those that they drive.

Theory of operation: `tell` brings an event to whoever drives an execution. If this host does, it goes
into the driver's inbox. If nobody does (its owner is gone, or has given it up when it ended), this host
claims it, which gives a new epoch that shuts the old owner out, builds the execution from its events and
goes on. If another living host does, the event is appended as a `wish`, which that host is following.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, FlowbookError, NotFound
from flowbook.executions import events as e
from flowbook.executions.model import Execution
from flowbook.executions.step import replay
from flowbook.ids import new_id
from flowbook.kinds.state import State
from flowbook.store.rows import EventRow, Owner

from . import callers
from .closing import Closing, check_openable, opened
from .drive import Driver
from .left_behind import taken_in
from .pending import take_up

if TYPE_CHECKING:
    from flowbook.store.connection import Follower

    from .workspace import Workspace

_log = logging.getLogger(__name__)
WISH = "wish"
HEARD = 5.0
"""Seconds between two looks at the host that has been told of a wish."""
ROUND = 3.0
"""Seconds between two looks for executions whose host is gone."""


class Adoption:
    """Wishes received and sent, and what dead hosts left."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks: list[asyncio.Task[None]] = []
        self._taking = asyncio.Lock()
        self._left: set[str] = set()
        self._waited_for: Counter[str] = Counter()
        self._follower: Any = None

    def start(self) -> None:
        self._follower = self._workspace.store.follow(kinds=[WISH])
        self._tasks = [
            asyncio.create_task(self._follow(), name="flowbook-wishes"),
            asyncio.create_task(self._look(), name="flowbook-adoption"),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._follower is not None:
            await self._follower.aclose()

    async def tell(self, execution_id: str, event: e.Event, secrets: Iterable[str] = ()) -> None:
        """Have an event taken; returns once it is, or after some seconds if its host is there but busy.
        Raises `NotFound`."""
        workspace = self._workspace
        driver = workspace.drivers.get(execution_id)
        try:
            driver = driver or await self.take_over(execution_id)
        except Conflict:
            await self._wish(execution_id, event, secrets)
            return
        driver.closing.learn(secrets)
        driver.post(event)
        await taken(driver)

    async def _wish(self, execution_id: str, event: e.Event, secrets: Iterable[str]) -> None:
        """Tell the host that drives an execution."""
        workspace = self._workspace
        told = Closing(lambda: workspace.key, secrets).payload(e.to_json(event))
        wish: dict[str, Any] = {"id": new_id(workspace.random), "event": told}
        follower = workspace.store.follow(executions=[execution_id])
        heard = asyncio.create_task(_heard(follower, wish["id"]))
        try:
            row = EventRow(execution_id, workspace.clock.now(), WISH, wish)
            await workspace.store.append([row], [], None)
            while not (await asyncio.wait({heard}, timeout=HEARD))[0]:
                if await self._is_connected(execution_id):
                    return  # its host is busy and will hear of it
                with contextlib.suppress(Conflict):  # until it counts as dead
                    await taken(await self.take_over(execution_id))
        finally:
            heard.cancel()
            await asyncio.gather(heard, return_exceptions=True)
            await follower.aclose()

    async def _is_connected(self, execution_id: str) -> bool:
        """Whether the host that owns an execution has its connection to the history."""
        store = self._workspace.store
        owners = await store.query("owner_of", execution_id=execution_id)
        hosts = {host["id"]: host["connected"] for host in await store.transact("hosts_list")}
        return any(hosts.get(owner["host"], False) for owner in owners)

    async def read(self, execution_id: str) -> Driver:
        """An execution rebuilt from its events, without driving it. Raises `NotFound`."""
        stored = await self._workspace.store.execution(execution_id)
        if not stored:
            raise NotFound(f"There is no execution '{execution_id}'")
        driver = Driver.reading(self._workspace, *await self._rebuilt(execution_id, stored))
        await callers.load(driver)
        return driver

    async def _rebuilt(
        self, execution_id: str, stored: list[dict[str, Any]]
    ) -> tuple[Execution, set[str]]:
        """An execution and its secrets, from its events. Raises `FlowbookError` without the key."""
        secrets: set[str] = set()
        events = [
            e.from_json(opened(self._workspace.key, row["payload"], secrets.add))
            for row in stored
            if row["kind"] != WISH
        ]
        first = events[0]
        assert isinstance(first, e.Created)
        flow, _ = await self._workspace.flows.load(first.namespace, first.flow_id, first.revision)
        return await asyncio.to_thread(replay, flow, execution_id, events), secrets

    async def take_over(self, execution_id: str) -> Driver:
        """Claim an execution and go on with it here. Raises `Conflict` while another host drives it."""
        workspace = self._workspace
        async with self._taking:
            if (known := workspace.drivers.get(execution_id)) is not None:
                return known
            stored = await workspace.store.execution(execution_id)
            if not stored:
                raise NotFound(f"There is no execution '{execution_id}'")
            check_openable(workspace.key, [row["payload"] for row in stored])
            rows = await workspace.store.transact(
                "claim_execution", execution_id=execution_id, host=workspace.host.id
            )
            stored = await workspace.store.execution(execution_id)
            execution, secrets = await self._rebuilt(execution_id, stored)
            driver = Driver(workspace, execution, Owner(workspace.host.id, rows[0]["epoch"]))
            driver.closing.learn(secrets)
            workspace.take(driver)
            if not execution.is_over:
                left = await taken_in(workspace, execution)
                take_up(driver, "another host", left)
                for run in list(execution.task_runs.values()):
                    for child, value in run.children.items():
                        workspace.spawn(workspace.subflows.watch(driver, run.id, child, value))
            honoured = {row["payload"].get("wish") for row in stored if row["kind"] != WISH}
            for row in stored:
                if row["kind"] == WISH and row["payload"]["id"] not in honoured:
                    self._honour(driver, row["payload"])
            return driver

    def _honour(self, driver: Driver, wish: Mapping[str, Any]) -> None:
        told = opened(self._workspace.key, wish["event"], driver.closing.remember)
        driver.post(e.from_json(told), wish["id"])

    async def _follow(self) -> None:
        """Take the wishes of other hosts about executions that this one owns."""
        workspace = self._workspace
        with contextlib.suppress(StopAsyncIteration):
            async for batch in self._follower:
                for event in batch.events:
                    if event["execution_id"] not in workspace.owned:
                        continue
                    driver = workspace.drivers.get(event["execution_id"])
                    with contextlib.suppress(FlowbookError):
                        if driver is not None:
                            self._honour(driver, event["payload"])
                        else:
                            await self.take_over(event["execution_id"])

    async def _adopt(self, execution_id: str) -> None:
        """Take an execution over; one that can't be read here is left, and that is said once."""
        try:
            await self.take_over(execution_id)
        except (Conflict, NotFound):
            pass
        except FlowbookError as error:
            if execution_id not in self._left:
                self._left.add(execution_id)
                _log.warning("Execution %s is left as it is: %s", execution_id, error)

    @contextlib.contextmanager
    def waiting(self, execution_id: str) -> Iterator[None]:
        """While somebody here waits for an execution that nobody drives any more, this host does."""
        self._waited_for[execution_id] += 1
        try:
            yield
        finally:
            self._waited_for[execution_id] -= 1
            if not self._waited_for[execution_id]:
                del self._waited_for[execution_id]

    def _takes(self, execution_id: str, reason: str) -> bool:
        """Whether this host goes on with an execution without a host: with what a dead one drove always, with
        what was given up if it is a server or somebody here waits for it."""
        is_wanted = self._workspace.host.kind == "server" or execution_id in self._waited_for
        return reason != "released" or is_wanted

    async def _look(self) -> None:
        """Adopt what dead hosts drove, and what others gave up as far as it is wanted here."""
        workspace = self._workspace
        while True:
            try:
                rows = await workspace.store.transact("adoptable", host=workspace.host.id)
                for row in rows:
                    if State(row["state"]).is_terminal:
                        continue
                    if self._takes(row["execution_id"], row["reason"]):
                        await self._adopt(row["execution_id"])
                await workspace.triggering.make_up()
            except FlowbookError as error:
                _log.warning("looking for executions of lost hosts: %s", error)
            await asyncio.sleep(ROUND)


async def taken(driver: Driver) -> None:
    """Return when a driver has taken what has arrived so far, and it is durable; or after some seconds."""
    wanted = driver.posted
    watcher = driver.watch()
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD):
                while driver.execution.events < wanted and not driver.over.is_set():
                    watcher.clear()
                    await watcher.wait()
    finally:
        driver.unwatch(watcher)


async def _heard(follower: Follower, wish: str) -> None:
    """Return when the host that was told of a wish has taken it."""
    async for batch in follower:
        if any(_honours(row, wish) for row in batch.events):
            return


def _honours(row: Mapping[str, Any], wish: str) -> bool:
    return bool(row["kind"] != WISH and row["payload"].get("wish") == wish)
