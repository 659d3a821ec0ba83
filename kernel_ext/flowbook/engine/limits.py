"""A flow's concurrency limit: who may run now, who waits, who is refused, and who is next.

The limit of the latest revision counts, also for executions of older ones. Slots are counted in the
history, so the limit holds across hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowbook.errors import NotFound
from flowbook.executions import events as e
from flowbook.flows.model import Concurrency, Flow, QueueBehavior
from flowbook.kinds.state import State

if TYPE_CHECKING:
    from .drive import Driver
    from .workspace import Workspace


async def admit(workspace: Workspace, driver: Driver) -> None:
    """Let an execution run, wait or end, as the limit says."""
    with workspace.clock.working():
        flow = driver.execution.flow
        limit = await _limit(workspace, flow)
        (answer,) = await workspace.store.transact(
            "admit",
            execution_id=driver.execution.id,
            namespace=flow.namespace,
            flow_id=flow.id,
            limit=None if limit is None else limit.limit,
        )
        now = workspace.clock.now()
        if limit is None or answer["admitted"]:
            driver.post(e.Started(at=now, admitted=True))
        elif limit.behavior is QueueBehavior.QUEUE:
            driver.post(e.Queued(at=now, running=answer["running"]))
        else:
            failing = limit.behavior is QueueBehavior.FAIL
            state = State.FAILED if failing else State.CANCELLED
            message = f"Flow is {state} due to concurrency limit exceeded"
            driver.post(e.Refused(at=now, state=state, message=message))


async def admit_next(workspace: Workspace, flow: Flow, ended: str) -> None:
    """An execution has ended: those that have waited longest may run, wherever they are driven."""
    with workspace.clock.working():
        limit = await _limit(workspace, flow)
        rows = await workspace.store.transact(
            "admit_queued",
            namespace=flow.namespace,
            flow_id=flow.id,
            limit=None if limit is None else limit.limit,
            ended=ended,
        )
        for row in rows:
            started = e.Started(at=workspace.clock.now(), admitted=True)
            await workspace.tell(row["execution_id"], started)


async def _limit(workspace: Workspace, flow: Flow) -> Concurrency | None:
    try:
        latest = await workspace.flows.latest(flow.namespace, flow.id)
    except NotFound:  # deleted while it runs
        return flow.concurrency
    return latest.concurrency
