"""One task of an execution run again, with other properties if wanted: what was handed on to it stays."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowbook.flows.entries import entries
from flowbook.flows.model import Flow
from flowbook.flows.parse import parse
from flowbook.flows.source import load
from flowbook.ids import new_id
from flowbook.kinds.dynamic import Json

from . import creation
from .flows import refuse_unrunnable
from .recorded import recorded

if TYPE_CHECKING:
    from .workspace import Workspace

LABEL = "system.replay"


async def rerun(
    workspace: Workspace, execution_id: str, task_id: str, properties: Mapping[str, Json]
) -> str:
    """Begin to run one task as a new execution, on the inputs and the outputs that this one has; its id.

    With properties the flow's text is kept as a draft with them. Raises `NotFound`, `FlowInvalid` for a
    property the task doesn't have, `Conflict` when the task reads what the execution doesn't have.
    """
    driver = workspace.drivers.get(execution_id) or await workspace.adoption.read(execution_id)
    old = driver.execution
    creation.check_ids(old.flow, [task_id])
    flow, revision, draft = old.flow, old.revision, old.draft
    if properties:
        flow = changed(old.flow, task_id, properties)
        refuse_unrunnable(flow)
    stands = await recorded(workspace, flow, [task_id], driver.closing, of=old)
    if properties:
        revision, draft = await workspace.flows.kept(flow)
    alike = creation.like(old, flow, revision, workspace.clock.now())
    created = replace(
        alike,
        draft=draft,
        labels=(*alike.labels, (LABEL, "true")),
        variables=old.variables,
        only=(task_id,),
        recorded=stands.outputs,
        recorded_from=stands.execution_id,
    )
    new = new_id(workspace.random)
    workspace.drive(flow, new, created, secrets=driver.closing.values)
    return new


def changed(flow: Flow, task_id: str, properties: Mapping[str, Json]) -> Flow:
    """The flow with properties of a task set; `None` takes one out. Raises `FlowInvalid`."""
    import yaml

    tree: Any = copy.deepcopy(load(flow.source, flow.name)[0].value)
    entry = next(each for each in entries(tree) if each.id == task_id)
    node: Any = entry.node
    for name, value in properties.items():
        node.pop(name, None)
        if value is not None:
            node[name] = value
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    name = f"{flow.uid} with other properties of '{task_id}'"
    return parse(text, name, namespace=flow.namespace, folder=flow.folder, dialect=flow.dialect)
