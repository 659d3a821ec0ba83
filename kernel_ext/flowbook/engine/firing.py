"""What holding the lease of a workspace means: schedules fire, files of `flows/` are kept deployed, old
history is removed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from flowbook.errors import ExpressionError, FlowbookError, InputInvalid
from flowbook.executions import events as e
from flowbook.executions.step import born
from flowbook.kinds.task import Level
from flowbook.store.rows import Owner
from flowbook.workspace import trust

from . import creation
from .backfills import from_text
from .closing import Closing
from .drive import Driver
from .fires import Around, Fire
from .misses import watch_windows
from .retaining import retain
from .schedules import Scheduled
from .scheduling import RENEWED, Scheduler
from .watching import watch

if TYPE_CHECKING:
    from .workspace import Workspace

log = logging.getLogger(__name__)


async def hold(workspace: Workspace, tell: Scheduler | None = None) -> None:
    """Compete for the lease; while it is held, fire schedules, watch the files and remove what is old.
    Until cancelled."""
    scheduler = tell or scheduler_of(workspace)
    beside: list[asyncio.Task[None]] = []

    def held(now: bool) -> None:
        for task in beside:
            task.cancel()
        beside.clear()
        if now:
            beside.append(asyncio.create_task(watch(workspace), name="flowbook-watch"))
            beside.append(asyncio.create_task(retain(workspace), name="flowbook-retain"))
            windows = watch_windows(workspace)
            beside.append(asyncio.create_task(windows, name="flowbook-windows"))

    scheduler.on_held = held
    try:
        while True:
            try:
                await scheduler.run()
            except FlowbookError as error:  # the disk is full, the storekeeper was killed …
                log.warning("Schedules wait: %s", error)
            now = workspace.clock.now()
            await workspace.clock.until(now + timedelta(seconds=RENEWED))
    finally:
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def scheduler_of(workspace: Workspace) -> Scheduler:
    """The scheduler of this host."""
    return Scheduler(
        store=workspace.store,
        host=workspace.host.id,
        clock=workspace.clock,
        is_trusted=lambda: trust.is_trusted(workspace.place),
        start=lambda wanted: fire(workspace, wanted),
        around=lambda scheduled, run: around(workspace, scheduled, run),
        on_new=lambda scheduled: from_text(workspace, scheduled),
    )


def around(workspace: Workspace, scheduled: Scheduled, execution_id: str) -> Around:
    """What the templates of a trigger may call for an execution to come: the same as its tasks."""
    flow = scheduled.flow
    created = e.Created(
        at=workspace.clock.now(),
        namespace=flow.namespace,
        flow_id=flow.id,
        revision=scheduled.revision or 1,
        original_id=execution_id,
    )
    closing = Closing(lambda: workspace.key)
    services = workspace.services(born(execution_id, flow, created), closing)
    return Around(services, closing.values, closing.open)


async def fire(workspace: Workspace, wanted: Fire) -> None:
    """Start the execution of a schedule; one whose inputs are refused is there too, FAILED."""
    flow, row = await workspace.flows.load(wanted.namespace, wanted.flow_id)
    try:
        if wanted.error is not None:
            raise ExpressionError(wanted.error)
        await workspace.start(
            flow,
            int(row["revision"]),
            inputs=wanted.inputs,
            labels=wanted.labels,
            trigger=wanted.trigger,
            execution_id=wanted.execution_id,
            secrets=wanted.secrets,
        )
    except (InputInvalid, ExpressionError) as error:
        now = workspace.clock.now()
        created = e.Created(
            at=now,
            namespace=flow.namespace,
            flow_id=flow.id,
            revision=int(row["revision"]),
            labels=creation.put_together(flow, wanted.execution_id, wanted.labels, ()),
            trigger=wanted.trigger,
            original_id=wanted.execution_id,
        )
        driver = Driver(
            workspace, born(wanted.execution_id, flow, created), Owner(workspace.host.id, 1)
        )
        driver.closing.learn(wanted.secrets)
        driver.post(created)
        failed = {"type": type(error).__name__, "message": str(error)}
        driver.post(e.EngineFailed(at=now, error=failed))
        workspace.take(driver)
    if (started := workspace.drivers.get(wanted.execution_id)) is not None:
        for warning in wanted.warnings:
            started.note("", Level.WARN, warning)
