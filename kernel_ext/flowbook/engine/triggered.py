"""How executions begin that Flow triggers start: under the id of the trigger's entry, which they settle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flowbook.executions import events as e
from flowbook.executions.model import Execution
from flowbook.kinds.change import Change
from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State

from . import creation
from .closing import Closing
from .flow_triggers import Key
from .trigger_labels import Labels

if TYPE_CHECKING:
    from flowbook.flows.model import Flow

    from .workspace import Workspace

CHAIN = 50
"""Executions that start each other, at most, each within moments of the one before."""
MOMENTS = timedelta(minutes=1)


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


def fail(
    workspace: Workspace, wanted: Beginning, message: str, secrets: Iterable[str] = ()
) -> None:
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
    settles = (wanted.settles,)
    workspace.drive(wanted.flow, wanted.execution_id, created, refused, secrets, settles)


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
