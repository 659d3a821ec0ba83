"""An open workspace: flows in, executions started, driven, watched and asked. Asynchronous, written once.

It lives on one event loop; hosts reach it through `portal.py`. Everything durable is behind `store`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbook.clock import Clock, SystemClock
from flowbook.errors import Conflict, FlowbookError, TaskFailed
from flowbook.executions import events as e
from flowbook.executions.model import Execution
from flowbook.executions.step import born
from flowbook.flows.inputs import undeclared
from flowbook.flows.model import Check, Flow
from flowbook.ids import new_id, system_random
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.kinds.task import Level
from flowbook.storage.files import Storage
from flowbook.store.client import Store
from flowbook.store.rows import HostInfo, Owner
from flowbook.workspace import place as places
from flowbook.workspace import trust

from . import checks, creation, limits
from .adoption import Adoption, taken
from .brisk import Brisk
from .closing import Closing
from .continuing import Continuing
from .control import Control
from .drive import Driver
from .flows import Flows, refuse_unrunnable, split_uid
from .history import History
from .records import Records
from .services import Pairs, Services
from .slots import Slots
from .sources import is_path, is_yaml, read, text_of
from .subflows import Subflows
from .surroundings import surroundings
from .timers import Timers
from .triggering import Triggering

if TYPE_CHECKING:
    from flowbook.kernels.pieces import Place as CodePlace
    from flowbook.kinds.change import Change
    from flowbook.problems import Problem
    from flowbook.workspace.config import Config
    from flowbook.workspace.place import Place
    from flowbook.workspace.secrets import Key, Secrets

    from .given import Given


class Workspace:
    """A workspace that this process has opened as a host."""

    def __init__(self, place: Place, store: Store, host: HostInfo, clock: Clock) -> None:
        self.place = place
        self.store = store
        self.host = host
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.random: random.Random = system_random()
        self.storage = Storage(place.storage)
        self.flows = Flows(store, place)
        self.history = History(self)
        self.records = Records(store, self._recorded)
        self.timers = Timers(clock)
        self.slots = Slots()
        self.drivers: dict[str, Driver] = {}
        self.owned: dict[str, int] = {}
        """Executions this host owns, with their epochs."""
        self.code_places: dict[tuple[str, str], CodePlace] = {}
        """Where cells and calls run, by execution and language, as long as there is such a place."""
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._config: Config | None = None
        self._key: Key | None = None
        self._secrets: Secrets | None = None
        self.adoption = Adoption(self)
        self.control = Control(self)
        self.continuing = Continuing(self)
        self.subflows = Subflows(self)
        self.triggering = Triggering(self)
        self.pause = self.control.pause
        self.resume = self.control.resume
        self.restart = self.control.restart
        self.replay = self.control.replay
        self.change_status = self.control.change_status
        self.set_labels = self.control.set_labels
        self.evaluate = self.control.evaluate
        self._closed = False
        self.brisk = Brisk(threads=host.kind == "kernel")
        self.on_end: list[Callable[[Driver], None]] = []
        """Called on the loop when an execution driven here has its end state."""

    # -- opening and closing ---------------------------------------------------------------------

    @classmethod
    async def open(
        cls,
        place: Place | Path | str | None = None,
        *,
        kind: str = "script",
        clock: Clock | None = None,
        embedded: bool = False,
    ) -> Workspace:
        """Open the workspace of a folder (see `workspace.place.find`). Raises `WorkspaceError`."""
        place = places.named(place)
        place.check()
        host = HostInfo.here(new_id(system_random()), kind)
        store = await Store.open(place, host=host, embedded=embedded)
        workspace = cls(place, store, host, clock or SystemClock())
        await store.transact(
            "register_host",
            id=host.id,
            kind=host.kind,
            pid=host.pid,
            pid_started=host.pid_started,
            machine=host.machine,
        )
        workspace.adoption.start()
        workspace.triggering.triggers.start()
        return workspace

    async def __aenter__(self) -> Workspace:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up what is left, write what is on its way, and let go of the history."""
        if self._closed:
            return
        self._closed = True
        await self.triggering.settle()
        await self.adoption.close()
        for driver in list(self.drivers.values()):
            await driver.stop()
        await self.triggering.close()
        for task in [*self._driving.values(), *self._background]:
            task.cancel()
        await asyncio.gather(*self._driving.values(), *self._background, return_exceptions=True)
        await self.timers.close()
        with contextlib.suppress(FlowbookError):
            await self.records.close()
            await self.store.transact("end_host", id=self.host.id)
        await self.store.close()

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Run something beside everything else, until it ends or the workspace closes."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    @property
    def config(self) -> Config:
        """The configuration, read when it is first asked for."""
        if self._config is None:
            from flowbook.workspace.config import load

            self._config = load(self.place, trusted=trust.is_trusted(self.place))
        return self._config

    @property
    def key(self) -> Key:
        """What closes values at rest."""
        if self._key is None:
            from flowbook.workspace.secrets import Key

            self._key = Key(self.place, self.config)
        return self._key

    @property
    def secrets(self) -> Secrets:
        if self._secrets is None:
            from flowbook.workspace.secrets import Secrets

            self._secrets = Secrets(self.config, self.key)
        return self._secrets

    # -- flows -----------------------------------------------------------------------------------

    async def deploy(
        self, source: str | Path | Mapping[str, Json] | Flow, *, expected: int | None = None
    ) -> Flow:
        """Save a flow as the revision that counts; the workspace is trusted from now on.

        Raises `FlowInvalid`, `Conflict` when it was changed since revision `expected`.
        """
        flow = source if isinstance(source, Flow) else read(source, self.place)
        await self.flows.save(flow, draft=False, expected=expected)
        self.triggering.triggers.forget()
        trust.trust(self.place)
        return flow

    def validate(
        self, source: str | Path | Mapping[str, Json], *, namespace: str | None = None
    ) -> list[Problem]:
        """Everything there is to say about a flow's text; `namespace` is taken if it has none."""
        from flowbook.flows.parse import parse_all

        text, name, folder = text_of(source, self.place)
        flows = parse_all(text, name, namespace=namespace, folder=folder)
        return [problem for _, problems in flows for problem in problems]

    async def flow(self, uid: str, revision: int | None = None) -> Flow:
        """A flow by `namespace.id`. Raises `NotFound`."""
        flow, _ = await self.flows.load(*split_uid(uid), revision)
        return flow

    async def delete(self, uid: str) -> bool:
        """Mark a flow deleted; its revisions and its history stay."""
        namespace, flow_id = split_uid(uid)
        rows = await self.store.transact("delete_flow", namespace=namespace, id=flow_id)
        self.triggering.triggers.forget()
        return bool(rows[0]["deleted"])

    # -- executions ------------------------------------------------------------------------------

    async def run(
        self,
        flow: str | Path | Mapping[str, Json] | Flow,
        inputs: Mapping[str, Given] | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        revision: int | None = None,
        namespace: str | None = None,
        trigger: Mapping[str, Json] | None = None,
        only: Sequence[str] | None = None,
        from_: str | None = None,
        to: str | None = None,
        execution_id: str | None = None,
        schedule_date: datetime | None = None,
    ) -> str:
        """Start an execution; its id. `flow` is `namespace.id`, a flow, or the YAML of one (which is
        kept as a draft revision). `folder`: see `creation.resolved_inputs`. Raises `FlowInvalid`, `InputInvalid`, `NotFound`, `Conflict`."""
        draft = False
        if isinstance(flow, str) and is_path(flow):
            flow = Path(flow)
        if isinstance(flow, str) and not is_yaml(flow):
            namespace_, flow_id = split_uid(flow)
            found, row = await self.flows.load(namespace_, flow_id, revision)
            number, draft = int(row["revision"]), bool(row["draft"])
            refuse_unrunnable(found, disabled=bool(row["disabled"]))
        else:
            found = flow if isinstance(flow, Flow) else read(flow, self.place, namespace=namespace)
            refuse_unrunnable(found)
            number, draft = await self.flows.kept(found)
        if only is None and (from_ is not None or to is not None):
            only = creation.stretch(found, from_, to)
        elif only is not None:
            creation.check_ids(found, only)
        return await self.start(
            found,
            number,
            draft=draft,
            inputs=inputs or {},
            folder=folder,
            labels=list((labels or {}).items()),
            trigger=trigger,
            only=only,
            execution_id=execution_id,
            schedule_date=schedule_date,
            checked=True,
        )

    async def begun(self, execution_id: str) -> str:
        """Return when an execution started here is in the history, where others find it; its id."""
        if (driver := self.drivers.get(execution_id)) is not None:
            await taken(driver)
        return execution_id

    async def start(
        self,
        flow: Flow,
        revision: int,
        *,
        draft: bool = False,
        inputs: Mapping[str, Given],
        folder: Path | None = None,
        labels: Sequence[tuple[str, str]] = (),
        trigger: Mapping[str, Json] | None = None,
        parent_labels: Sequence[tuple[str, str]] = (),
        only: Sequence[str] | None = None,
        execution_id: str | None = None,
        schedule_date: datetime | None = None,
        checked: bool = False,
        secrets: Iterable[str] = (),
        settles: tuple[Change, ...] = (),
    ) -> str:
        """Create an execution of a parsed revision and drive it here; `checked` asks the flow's `checks`,
        `secrets` may be in its inputs, `settles` becomes durable with it. Raises `InputInvalid`, `Conflict`."""
        execution_id = execution_id or new_id(self.random)
        closing = Closing(lambda: self.key, secrets)
        created = await creation.created(
            self,
            flow,
            execution_id,
            revision=revision,
            draft=draft,
            inputs=inputs,
            folder=folder,
            labels=labels,
            trigger=trigger,
            parent_labels=parent_labels,
            only=only,
            schedule_date=schedule_date,
            closing=closing,
        )
        doubts: list[Check] = []
        if checked and flow.checks:
            doubts = await checks.failed(self, flow, born(execution_id, flow, created))
        failing = [check.message for check in doubts if check.behavior == "FAIL_EXECUTION"]
        refused = None
        if failing:
            message = "; ".join(failing)
            refused = e.Refused(at=self.clock.now(), state=State.FAILED, message=message)
        driver = self.drive(flow, execution_id, created, refused, closing.values, settles)
        for check in doubts:
            driver.note("", Level.INFO, check.message)
        for name in undeclared(flow, inputs):
            driver.note("", Level.WARN, f"The flow has no input '{name}': its value is ignored")
        return execution_id

    def drive(
        self,
        flow: Flow,
        execution_id: str,
        created: e.Created,
        refused: e.Refused | None = None,
        secrets: Iterable[str] = (),
        settles: tuple[Change, ...] = (),
    ) -> Driver:
        """Begin to drive a new execution; one that is refused ends without running."""
        driver = Driver(self, born(execution_id, flow, created), Owner(self.host.id, 1))
        driver.settles = settles
        driver.closing.learn(secrets)
        driver.closing.learn(creation.secret_values(flow, created.inputs))
        driver.post(created)
        due = created.schedule_date
        if refused is not None:
            driver.post(refused)
        elif due is not None and due > self.clock.now():
            self.timers.at(due, lambda: driver.post(e.Started(at=self.clock.now())))
        else:
            driver.post(e.Started(at=self.clock.now()))
        self.take(driver)
        return driver

    def take(self, driver: Driver) -> None:
        """Keep a driver and let it run."""
        execution_id = driver.execution.id
        if not self.drivers:
            self.brisk.on()
        self.drivers[execution_id] = driver
        self.owned[execution_id] = driver.owner.epoch
        task = asyncio.create_task(driver.drive(), name=f"flowbook-{execution_id}")
        self._driving[execution_id] = task

        def done(task: asyncio.Task[None]) -> None:
            if self._driving.get(execution_id) is task:
                del self._driving[execution_id]
            if not self.drivers:
                self.brisk.off()
            if not task.cancelled() and (error := task.exception()) is not None:
                self.loop.call_exception_handler(
                    {"message": f"driving {execution_id} failed", "exception": error}
                )

        task.add_done_callback(done)

    def drove(self, driver: Driver) -> None:
        """A driver takes no more events; whoever has one for its execution makes another."""
        if self.drivers.get(driver.execution.id) is driver:
            del self.drivers[driver.execution.id]
            self.history.remember(driver)

    def execution_ended(self, driver: Driver) -> None:
        """An execution driven here has its end state."""
        for call in self.on_end:
            call(driver)
        self.triggering.ended(driver)
        if driver.execution.flow.concurrency is not None:
            self.spawn(limits.admit_next(self, driver.execution.flow, driver.execution.id))

    # -- wishes ----------------------------------------------------------------------------------

    async def tell(self, execution_id: str, event: e.Event, secrets: Iterable[str] = ()) -> None:
        """Have an event taken by whoever drives the execution; by this host if nobody does. `secrets` may
        be in it."""
        await self.adoption.tell(execution_id, event, secrets)

    async def kill(self, execution_id: str, *, cascade: bool = True, by: str = "") -> None:
        """End an execution. Raises `NotFound`, `Conflict` when it has ended."""
        row = await self.history.row(execution_id)
        if State(row["state"]).is_terminal:
            raise Conflict(
                f"Execution is already finished, can't kill it: '{execution_id}' is {row['state']}"
            )
        await self.tell(execution_id, e.KillRequested(at=self.clock.now(), by=by, cascade=cascade))

    async def wait(self, execution_id: str, timeout: float | None = None) -> str:
        """Return when nothing of the execution is left to run, nor of those that took its place: the id
        of the last of them, mostly its own. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            while True:
                driver = self.drivers.get(execution_id)
                if driver is not None:
                    await driver.over.wait()
                    if driver.execution.state is not State.RETRIED:
                        return execution_id
                else:
                    await self.history.until_over(execution_id)
                if (later := await self.history.successor(execution_id)) is None:
                    return execution_id
                execution_id = later

    # -- what tasks and expressions need ---------------------------------------------------------

    def services(
        self, execution: Execution, closing: Closing
    ) -> Mapping[str, Callable[..., object]]:
        return Services(self, execution, closing).table()

    def surroundings(self, flow: Flow) -> Mapping[str, Callable[[], Any]]:
        """Names in scope that come from configuration and environment."""
        return surroundings(self, flow)

    def pairs(self, namespace: str, closing: Closing | None = None) -> Pairs:
        return Pairs(self, namespace, closing)

    async def logs(
        self, execution_id: str, *, level: str | None = None, task: str | None = None
    ) -> list[dict[str, Any]]:
        """Log lines of an execution in order, from a level up."""
        return await self.history.logs(execution_id, level=level, task=task)

    def readable(
        self,
        uri: str,
        execution: Execution,
        folder: Path | None = None,
        namespace: str | None = None,
    ) -> Path:
        """The local path of a file that an execution may read. Raises `TaskFailed`."""
        from .files import readable

        try:
            return readable(self, uri, execution, folder, namespace)
        except FlowbookError as error:
            raise TaskFailed(str(error), kind=type(error).__name__) from None

    def _recorded(self, row: Mapping[str, Any]) -> None:
        driver = self.drivers.get(row["execution_id"])
        if driver is not None:
            driver.note_record(row)

    async def changes(self, execution_id: str) -> AsyncIterator[None]:
        """Yields whenever something of an execution has changed, until nothing is left to run."""
        async for _ in self.history.changes(execution_id):
            yield
