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
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flowbook.errors import ExpressionError, FlowbookError, InputInvalid, NotFound
from flowbook.executions import events as e
from flowbook.executions.model import Execution
from flowbook.expressions.render import render_deep
from flowbook.flows.conditions import FLOW_TRIGGER
from flowbook.ids import new_id
from flowbook.kinds.change import Change
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Level
from flowbook.triggers import conditions
from flowbook.workspace import trust

from . import creation, rendering, upstream
from .closing import Closing
from .flow_triggers import FlowTriggers, Key, Listed
from .trigger_labels import Labels, rendered_labels

if TYPE_CHECKING:
    from flowbook.flows.model import Flow

    from .drive import Driver
    from .workspace import Workspace

CHAIN = 50
"""Executions that start each other, at most, each within moments of the one before."""
MOMENTS = timedelta(minutes=1)
PATIENCE = 10.0
"""Seconds that a host which ends waits for what is under way."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A change of state that a Flow trigger has to be asked about."""

    key: Key
    upstream_id: str
    number: int
    """Of the state in the execution's history."""

    @property
    def date(self) -> str:
        """What stands for it beside the trigger's key in `fires`."""
        return f"{self.upstream_id} {self.number}"

    @property
    def names(self) -> dict[str, str]:
        """The key of its row, by column."""
        namespace, flow_id, trigger_id = self.key
        return {
            "namespace": namespace,
            "flow_id": flow_id,
            "trigger_id": trigger_id,
            "date": self.date,
        }

    def row(self, execution_id: str, created_at: str, note: str | None) -> Change:
        """Its row in `fires`."""
        values = {
            **self.names,
            "execution_id": execution_id,
            "created_at": created_at,
            "note": note,
        }
        return Change("fires", (*self.key, self.date), values)


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
                    await self._tell_missed(key, row)
                else:
                    await self._go_on(Due(key, upstream_id, int(number)))
            except FlowbookError as error:
                self._say_once(f"{'.'.join(key)} waits: {error}")

    async def _tell_missed(self, key: Key, row: Mapping[str, Any]) -> None:
        from .misses import start_missed

        if (listed := self.triggers.all.get(key)) is not None:
            await start_missed(self._workspace, listed, row)

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


class Asking:
    """One trigger, asked about one execution in the state it has come into."""

    def __init__(
        self, workspace: Workspace, listed: Listed, execution: Execution, closing: Closing
    ) -> None:
        self._workspace, self._listed = workspace, listed
        self._execution, self._closing = execution, closing
        self.errors: list[str] = []
        """Why conditions could not be decided."""
        self._seen = self._sight(upstream.variables(execution, execution.results))

    def _sight(self, trigger: Mapping[str, Json]) -> upstream.Sight:
        return upstream.sight(
            self._workspace, self._listed.flow, self._execution, self._closing, trigger
        )

    async def met(self) -> dict[str, list[str]] | None:
        """Which of its conditions the execution meets, by gathering; `None` if it is nothing to the trigger."""
        facts, owner = upstream.facts(self._execution), self._listed.owner
        plain = {f"condition {n}": each for n, each in enumerate(self._listed.plain, 1)}
        wanted = {
            f"{gathering.id}: {name}": (gathering.id, name, condition)
            for gathering, wants in self._listed.waits
            for name, condition in wants.items()
            if conditions.may_hold(condition, facts, owner)
        }
        asked = {**plain, **{path: condition for path, (_, _, condition) in wanted.items()}}
        questions = {
            path: question
            for place, condition in asked.items()
            for path, question in conditions.questions(condition, place)
        }
        answers = await upstream.answered(questions, self._seen, self.warn)

        def holds(path: str) -> bool:
            return conditions.is_met(asked[path], path, facts, answers, owner, self.warn)

        if not all(holds(path) for path in plain):
            return None
        found: dict[str, list[str]] = {}
        for path, (gathering, name, _) in wanted.items():
            if holds(path):
                found.setdefault(gathering, []).append(name)
        return found if found or not self._listed.waits else None

    async def start(
        self, due: Due, execution_id: str, of: Sequence[Mapping[str, str]], *, failed: bool
    ) -> None:
        """Start the execution that stands in the trigger's entry; one that can't have its inputs is FAILED,
        and so is one of a trigger that failed itself."""
        workspace, trigger = self._workspace, self._listed.trigger
        if await is_there(workspace, execution_id):
            return
        try:
            flow, row = await workspace.flows.load(*self._listed.owner)
        except NotFound:
            await workspace.store.transact("forget_fire", **due.names)
            return
        outputs = await upstream.outputs_for(
            workspace,
            self._execution,
            of,
            self._closing,
            by_flow=len(trigger.depends_on or ()),
        )
        variables = upstream.variables(self._execution, outputs)
        scope = self._sight(variables).scope
        labels, warnings = await rendering.in_place(
            trigger.labels, scope, lambda: rendered_labels(trigger.labels, scope)
        )
        beginning = Beginning(
            execution_id=execution_id,
            flow=flow,
            revision=int(row["revision"]),
            labels=[*labels, *inherited(self._execution)],
            trigger={
                "id": trigger.id,
                "type": trigger.type,
                "depth": depth_after(self._execution),
                "variables": variables,
            },
            settles=due.row(execution_id, workspace.clock.now().isoformat(), None),
        )
        refused = self._closing.masked("; ".join(self.errors)) if failed else None
        if depth_after(self._execution) > CHAIN:
            refused = f"More than {CHAIN} executions have started each other within moments"
        if refused is not None:
            fail(workspace, beginning, refused)
            await workspace.begun(execution_id)
            return
        try:
            inputs = await rendering.in_place(
                trigger.inputs,
                scope,
                lambda: rendering.plain(render_deep(trigger.inputs or {}, scope, typed=True)),
            )
            await begin(workspace, beginning, inputs, self._closing)
        except (InputInvalid, ExpressionError) as error:
            said = f"Failed to trigger flow {flow.uid}, invalid inputs: {error}"
            fail(workspace, beginning, self._closing.masked(said))
        if (driver := workspace.drivers.get(execution_id)) is not None:
            for warning in warnings:
                driver.note("", Level.WARN, self._closing.masked(warning))
        await workspace.begun(execution_id)

    def warn(self, message: str) -> None:
        """A line in the trigger's log."""
        self.errors.append(message)
        flow, execution = self._listed.flow, self._execution
        about = f"{execution.flow.uid} {execution.id} {execution.state.value}"
        self._workspace.records.add(
            {
                "table": "logs",
                "execution_id": None,
                "namespace": flow.namespace,
                "flow_id": flow.id,
                "trigger_id": self._listed.trigger.id,
                "ts": self._workspace.clock.now().isoformat(),
                "level": Level.WARN.value,
                "message": self._closing.masked(f"A condition is false ({about}): {message}"),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """How an execution that a Flow trigger starts begins."""

    execution_id: str
    flow: Flow
    revision: int
    labels: Labels
    trigger: Mapping[str, Json]
    settles: Change
    """The row of `fires` that is settled with it."""


async def begin(
    workspace: Workspace, wanted: Beginning, inputs: Mapping[str, Any], closing: Closing
) -> None:
    """Start an execution. Raises `InputInvalid`."""
    await workspace.start(
        wanted.flow,
        wanted.revision,
        inputs=inputs,
        labels=wanted.labels,
        trigger=wanted.trigger,
        execution_id=wanted.execution_id,
        secrets=closing.values,
        settles=(wanted.settles,),
    )


async def is_there(workspace: Workspace, execution_id: str) -> bool:
    """Whether an execution has begun, or is just about to."""
    if execution_id in workspace.drivers:
        return True
    return bool(await workspace.store.query("execution_row", id=execution_id))


def fail(workspace: Workspace, wanted: Beginning, message: str) -> None:
    """Begin an execution that has FAILED, so that somebody sees it."""
    now = workspace.clock.now()
    created = e.Created(
        at=now,
        namespace=wanted.flow.namespace,
        flow_id=wanted.flow.id,
        revision=wanted.revision,
        labels=creation.put_together(wanted.flow, wanted.execution_id, wanted.labels, ()),
        trigger=wanted.trigger,
        original_id=wanted.execution_id,
    )
    refused = e.Refused(at=now, state=State.FAILED, message=message)
    workspace.drive(wanted.flow, wanted.execution_id, created, refused, settles=(wanted.settles,))


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


def inherited(execution: Execution) -> Labels:
    """The label that holds together what follows from one beginning."""
    return [pair for pair in execution.labels if pair[0] == creation.CORRELATION][:1]


def depth_of(execution: Execution) -> int:
    """How many executions have started each other, this one last."""
    return int((execution.trigger or {}).get("depth", 0))


def depth_after(execution: Execution) -> int:
    """The same for one that this execution starts; one that has taken its time begins anew."""
    created, now = execution.history[0][1], execution.history[-1][1]
    return 1 if now - created > MOMENTS else depth_of(execution) + 1


def stop_states(value: Json) -> frozenset[State]:
    """`stopAfter` as states."""
    listed = value if isinstance(value, list | tuple) else [] if value is None else [value]
    known = (str(state).upper() for state in listed)
    return frozenset(State(state) for state in known if state in State.__members__)
