"""Executions that start others by their changes of state: what Flow triggers do.

Theory of operation. The host that drives an execution compares each change of its state with the Flow triggers
of the deployed flows, as far as that needs no rendering, and enters those it may concern in the history with
the change itself (`fires`). Once that is durable it renders what they ask; the storekeeper decides, with what
came before, in one transaction; and the new execution begins together with the settling of its entry. A host
that dies anywhere between leaves an entry, which the next one to look goes on with: nothing is lost, and an
execution that exists is never started again, since it stands under the id of its entry.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError, NotFound
from flowbook.executions.model import Execution
from flowbook.flows.conditions import FLOW_TRIGGER
from flowbook.ids import new_id
from flowbook.kinds.change import Change
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.triggers import conditions
from flowbook.workspace import trust

from . import upstream
from .closing import Closing
from .flow_triggers import FlowTriggers, Key, Listed
from .trigger_asking import Asking
from .triggered import CHAIN, Due, depth_of

if TYPE_CHECKING:
    from .drive import Driver
    from .workspace import Workspace

PATIENCE = 10.0
"""Seconds that a host which ends waits for what is under way."""
_log = logging.getLogger(__name__)


DUE = json.dumps({"left": "DUE"})
MISSED = "MISSED"
"""Stands for an execution in the entry of a window that was missed."""


class Triggering:
    """Starts executions for those that are driven here."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.triggers = FlowTriggers(workspace)
        self._under_way: set[tuple[Key, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}
        """Of each execution, the last task: its changes are told in their order."""
        self._told: set[str] = set()

    async def settle(self) -> None:
        """Return when what is under way is done, or after some seconds: others go on with it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self._tasks:
                    await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Let go of the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.triggers.close()

    # -- what is due -----------------------------------------------------------------------------

    def due(self, before: Execution, after: Execution) -> tuple[Due, ...]:
        """The changes of state between two steps that Flow triggers may fire for."""
        first = len(before.history)
        if not self.triggers.listed or len(after.history) == first or not may_start(after):
            return ()
        numbers = range(max(first, 1), len(after.history))
        found = tuple(due for number in numbers for due in self._due(after, number))
        return found if found and trust.is_trusted(self._workspace.place) else ()

    def _due(self, execution: Execution, number: int) -> Iterator[Due]:
        state = execution.history[number][0]
        facts = None
        for listed in self.triggers.listed:
            if state not in listed.states or listed.owner == (
                execution.flow.namespace,
                execution.flow.id,
            ):
                continue
            facts = facts or upstream.facts(upstream.in_state(execution, number))
            try:
                fires = may_fire(listed, facts)
            except Exception as error:  # whatever is wrong with it is nothing to this execution
                self._say_once(f"Flow trigger {listed.name} doesn't fire: {error!r}")
                continue
            if fires:
                yield Due(listed.key, execution.id, number)

    def rows(self, due: Sequence[Due], execution: Execution) -> tuple[Change, ...]:
        """What is durable with the changes of state: that they are due."""
        return tuple(
            one.row(execution.id, execution.history[one.number][1].isoformat(), DUE) for one in due
        )

    # -- doing it --------------------------------------------------------------------------------

    def take(self, execution: Execution, due: Sequence[Due], secrets: frozenset[str]) -> None:
        """Ask the triggers about changes of state that are durable now."""
        due = [one for one in due if (one.key, one.date) not in self._under_way]
        ids = {(one.key, one.date) for one in due}
        self._under_way |= ids
        working = self._workspace.clock.working()
        working.__enter__()
        task = asyncio.create_task(
            self._after(self._last.get(execution.id), execution, due, secrets),
            name=f"flowbook-triggers-{execution.id}",
        )
        self._tasks.add(task)
        self._last[execution.id] = task

        def done(task: asyncio.Task[None]) -> None:
            working.__exit__(None, None, None)
            self._under_way.difference_update(ids)
            self._tasks.discard(task)
            if self._last.get(execution.id) is task:
                del self._last[execution.id]

        task.add_done_callback(done)

    async def _after(
        self,
        before: asyncio.Task[None] | None,
        execution: Execution,
        due: Sequence[Due],
        secrets: frozenset[str],
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        for one in due:
            try:
                await self._ask(one, upstream.in_state(execution, one.number), secrets)
            except FlowbookError as error:  # the disk is full …: somebody goes on with it
                self._say_once(f"{'.'.join(one.key)} waits: {error}")
            except Exception:
                _log.exception("a Flow trigger failed", extra={"execution": execution.id})
                with contextlib.suppress(FlowbookError):
                    await self._workspace.store.transact("forget_fire", **one.names)

    async def _ask(self, due: Due, execution: Execution, secrets: frozenset[str]) -> None:
        """Evaluate a trigger for an execution in the state it has come into, and start what follows."""
        workspace, listed = self._workspace, self.triggers.all.get(due.key)
        if listed is None or listed.off:
            await workspace.store.transact("forget_fire", **due.names)
            return
        closing = Closing(lambda: workspace.key, secrets)
        asking = Asking(workspace, listed, execution, closing)
        met = await asking.met()
        failed = bool(asking.errors) and listed.trigger.fail_on_trigger_error
        if met is None and not failed:
            await workspace.store.transact("forget_fire", **due.names)
            return
        rows = await workspace.store.transact(
            "flow_event",
            **due.names,
            new_id=new_id(workspace.random),
            type=FLOW_TRIGGER,
            at=execution.history[-1][1],
            upstream={"execution_id": execution.id, "flow_id": execution.flow.id},
            gatherings=[] if failed else [gathering.to_json() for gathering, _ in listed.waits],
            met={} if failed else met,
        )
        for row in rows:
            await asking.start(due, row["execution_id"], row["of"], failed=failed)

    def _say_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            _log.warning("%s", message)

    # -- afterwards ------------------------------------------------------------------------------

    def ended(self, driver: Driver) -> None:
        """Switch a trigger off if that is what it wants after such an end of its execution."""
        execution = driver.execution
        made_by = execution.trigger or {}
        if made_by.get("type") != FLOW_TRIGGER:
            return
        trigger = execution.flow.trigger(str(made_by.get("id")))
        if trigger is None or execution.state not in stop_states(trigger.stop_after):
            return
        task = asyncio.create_task(self._switch_off(execution, trigger.id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _switch_off(self, execution: Execution, trigger_id: str) -> None:
        flow = execution.flow
        with self._workspace.clock.working():
            await self._workspace.store.transact(
                "save_trigger",
                namespace=flow.namespace,
                flow_id=flow.id,
                trigger_id=trigger_id,
                type=FLOW_TRIGGER,
                disabled=True,
            )

    async def make_up(self) -> None:
        """Go on with what hosts that are gone have left."""
        workspace = self._workspace
        await self.triggers.ready()
        if not self.triggers.all or not trust.is_trusted(workspace.place):
            return
        for row in await workspace.store.transact("fires_left", host=workspace.host.id):
            key = row["namespace"], row["flow_id"], row["trigger_id"]
            if (key, row["date"]) in self._under_way:
                continue
            upstream_id, _, number = row["date"].partition(" ")
            try:
                if upstream_id == MISSED:
                    await self._tell_missed(row)
                else:
                    await self._go_on(Due(key, upstream_id, int(number)))
            except FlowbookError as error:
                self._say_once(f"{'.'.join(key)} waits: {error}")

    async def _tell_missed(self, row: Mapping[str, Any]) -> None:
        from .misses import start_missed

        key = row["namespace"], row["flow_id"], row["trigger_id"]
        if (listed := self.triggers.all.get(key)) is not None:
            await start_missed(self._workspace, listed, row)
            return
        namespace, flow_id, trigger_id = key
        await self._workspace.store.transact(
            "forget_fire",
            namespace=namespace,
            flow_id=flow_id,
            trigger_id=trigger_id,
            date=row["date"],
        )

    async def _go_on(self, due: Due) -> None:
        workspace = self._workspace
        try:
            known = workspace.drivers.get(due.upstream_id)
            driver = known or await workspace.adoption.read(due.upstream_id)
        except NotFound:  # deleted since
            await workspace.store.transact("forget_fire", **due.names)
            return
        if due.number < len(driver.execution.history):
            self.take(driver.execution, [due], frozenset(driver.closing.values))


def may_start(execution: Execution) -> bool:
    """Whether an execution can start others at all."""
    return not execution.draft and execution.kind == "NORMAL" and depth_of(execution) <= CHAIN


def may_fire(listed: Listed, facts: conditions.Upstream) -> bool:
    """Whether a trigger can have to do with an execution, as far as that shows without rendering."""
    owner = listed.owner
    if not all(conditions.may_hold(each, facts, owner) for each in listed.plain):
        return False
    wanted = (each for _, wants in listed.waits for each in wants.values())
    return not listed.waits or any(conditions.may_hold(each, facts, owner) for each in wanted)


def stop_states(value: Json) -> frozenset[State]:
    """`stopAfter` as states."""
    listed = value if isinstance(value, list | tuple) else [] if value is None else [value]
    known = (str(state).upper() for state in listed)
    return frozenset(State(state) for state in known if state in State.__members__)
