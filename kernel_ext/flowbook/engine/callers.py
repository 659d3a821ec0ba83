"""The execution whose Subflow task has started this one, as older documents see it: `parent.*`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowbook.errors import FlowbookError
from flowbook.executions.changes import histories
from flowbook.executions.model import Execution
from flowbook.executions.older_outputs import state_text
from flowbook.executions.variables import execution_variable, outputs_of

if TYPE_CHECKING:
    from .drive import Driver


def caller_of(execution: Execution) -> str | None:
    """The id of the calling execution, where expressions may ask for it."""
    trigger = execution.trigger or {}
    if execution.flow.dialect != "seed" or not str(trigger.get("type", "")).endswith(".Subflow"):
        return None
    called_by = trigger.get("variables", {}).get("executionId")
    return None if called_by is None else str(called_by)


async def load(driver: Driver) -> None:
    """Read the calling execution before anything is rendered, wherever it is driven."""
    called_by = caller_of(driver.execution)
    if called_by is None or driver.caller is not None:
        return
    workspace = driver.workspace
    try:
        found = workspace.drivers.get(called_by) or await workspace.adoption.read(called_by)
    except FlowbookError:  # deleted since, or closed with a key that is gone
        return
    driver.closing.learn(found.closing.values)
    driver.caller = found


def seen(caller: Execution) -> dict[str, Any]:
    """What `parent` has of the calling execution."""
    flow = caller.flow
    return {
        "execution": execution_variable(caller),
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": caller.revision},
        "namespace": {"id": flow.namespace},
        "inputs": caller.inputs,
        "outputs": outputs_of(caller),
        "tasks": [
            {
                "id": run.id,
                "taskId": run.task_id,
                "value": run.value,
                "state": state_text(run.state, run.history),
                "histories": histories(run.history),
            }
            for run in caller.in_order()
        ],
        "state": state_text(caller.state, caller.history),
        "startDate": caller.start,
    }
