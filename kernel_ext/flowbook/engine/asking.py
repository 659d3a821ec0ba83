"""What a form is told while somebody fills it in: of each input its value, whether it is asked for at all,
and what is wrong with it; and which checks of the flow don't hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from flowbook.executions.events import Created
from flowbook.executions.step import born
from flowbook.flows.accepted import accepted
from flowbook.flows.form import field
from flowbook.flows.inputs import Answer, answers, nested
from flowbook.flows.model import Flow
from flowbook.ids import new_id
from flowbook.kinds.dynamic import Json
from flowbook.workspace.masking import STARS

from . import checks, creation, rendering
from .closing import Closing
from .given import apart

if TYPE_CHECKING:
    from .given import Given
    from .workspace import Workspace


async def validated(
    workspace: Workspace, flow: Flow, given: Mapping[str, Given], *, revision: int = 0
) -> dict[str, Json]:
    """The answer to a form that isn't sent yet."""
    execution_id = new_id(workspace.random)
    created = Created(
        at=workspace.clock.now(),
        namespace=flow.namespace,
        flow_id=flow.id,
        revision=revision,
        labels=creation.put_together(flow, execution_id, (), ()),
        original_id=execution_id,
    )
    execution = born(execution_id, flow, created)
    closing = Closing(lambda: workspace.key)
    scope = rendering.scope_of(
        execution,
        None,
        storage=workspace.storage,
        services=workspace.services(execution, closing),
        surroundings=workspace.surroundings(flow),
    )
    values, _ = apart(flow.declared, given, None)
    found = await creation.reading(flow, scope, lambda render: answers(flow, values, render=render))
    told = [_told(each, closing) for each in found]
    failing: list[Json] = []
    if flow.checks and not any(each.errors for each in found):
        read = nested({each.declared.id: each.value for each in found if each.enabled})
        failing = [
            {"message": one.message, "style": one.style, "behavior": one.behavior}
            for one in await checks.unmet(workspace, flow, replace(execution, inputs=read))
        ]
    return {"id": flow.id, "namespace": flow.namespace, "inputs": told, "checks": failing}


def _told(answer: Answer, closing: Closing) -> dict[str, Json]:
    declared = answer.declared
    shown = STARS if declared.is_secret and answer.value else closing.masked_deep(answer.value)
    return {
        "input": {"id": declared.id, **field(declared)},
        "value": shown,
        "enabled": answer.enabled,
        "isDefault": answer.is_default,
        "errors": [{"message": said, "accepts": accepted(declared)} for said in answer.errors],
    }
