"""A flow's `checks`: what is asked before an execution that somebody wants is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowbook.errors import ExpressionError, InputInvalid
from flowbook.executions.model import Execution
from flowbook.flows.model import Check, Flow
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Template
from flowbook.kinds.task import Condition

from . import rendering
from .closing import Closing

if TYPE_CHECKING:
    from .workspace import Workspace


async def failed(workspace: Workspace, flow: Flow, execution: Execution) -> list[Check]:
    """The checks that don't hold but let the execution be created. Raises `InputInvalid` with the
    messages of those that don't."""
    found = await unmet(workspace, flow, execution)
    blocking = [check.message for check in found if check.behavior == "BLOCK_EXECUTION"]
    if blocking:
        raise InputInvalid(blocking)
    return found


async def unmet(workspace: Workspace, flow: Flow, execution: Execution) -> list[Check]:
    """The checks that don't hold; one that can't be asked blocks, whatever it says."""
    found = []
    for check in flow.checks:
        try:
            if not await _holds(workspace, flow, execution, check):
                found.append(check)
        except ExpressionError as error:
            said = f"Failed to evaluate check condition. Cause: {error}"
            blocking = {"behavior": "BLOCK_EXECUTION", "style": "ERROR", "message": said}
            found.append(check.model_copy(update=blocking))
    return found


async def _holds(workspace: Workspace, flow: Flow, execution: Execution, check: Check) -> bool:
    scope = rendering.scope_of(
        execution,
        None,
        storage=workspace.storage,
        services=workspace.services(execution, Closing(lambda: workspace.key)),
        surroundings=workspace.surroundings(flow),
    )
    sources = {"when": Template(check.when, Condition)}
    answers = await rendering.in_place(sources, scope, lambda: rendering.answer_all(sources, scope))
    return Answers(answers, dialect=flow.dialect).truth("when")
