"""Making an execution: its inputs read, its labels put together, its limits asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from flowbook.errors import InputInvalid, NotFound
from flowbook.executions.events import Created
from flowbook.executions.model import Execution
from flowbook.executions.step import born
from flowbook.expressions import render as language
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Json
from flowbook.kinds.task import Task

from . import rendering

if TYPE_CHECKING:
    from .workspace import Workspace

CORRELATION = "system.correlationId"


async def created(
    workspace: Workspace,
    flow: Flow,
    execution_id: str,
    *,
    revision: int,
    draft: bool,
    inputs: Mapping[str, Json],
    labels: Sequence[tuple[str, str]],
    trigger: Mapping[str, Json] | None,
    parent_labels: Sequence[tuple[str, str]] = (),
    only: Sequence[str] | None = None,
    schedule_date: datetime | None = None,
) -> Created:
    """The event that begins an execution. Raises `InputInvalid`, with every message at once."""
    now = workspace.clock.now()
    bare = Created(
        at=now,
        namespace=flow.namespace,
        flow_id=flow.id,
        revision=revision,
        draft=draft,
        labels=put_together(flow, execution_id, labels, parent_labels),
        trigger=trigger,
        original_id=execution_id,
        schedule_date=schedule_date,
        only=None if only is None else tuple(only),
    )
    resolved = await resolved_inputs(workspace, flow, born(execution_id, flow, bare), inputs)
    from dataclasses import replace

    return replace(bare, inputs=resolved)


async def resolved_inputs(
    workspace: Workspace, flow: Flow, execution: Execution, given: Mapping[str, Json]
) -> dict[str, Json]:
    """Given values read by the flow's declarations, defaults rendered."""
    if not flow.inputs and not given:
        return {}
    from flowbook.flows import inputs as declarations

    unknown = declarations.undeclared(flow, given)
    if unknown and flow.inputs:
        known = ", ".join(each.id for each in flow.inputs)
        raise InputInvalid(
            [f"Flow '{flow.uid}' has no input '{name}'; it has {known}" for name in unknown]
        )

    def render(value: Json, so_far: Mapping[str, Json]) -> Json:
        scope = rendering.scope_of(
            execution,
            None,
            storage=workspace.storage,
            services=workspace.services(execution, lambda _: None),
            surroundings=workspace.surroundings(flow),
            extra={"inputs": so_far},
        )
        return rendering.plain(language.render_deep(value, scope, typed=True))

    import asyncio

    work: Callable[[], dict[str, Json]] = lambda: declarations.resolve(flow, given, render=render)  # noqa: E731 - handed on
    if any(rendering.needs_thread(each.defaults, flow.dialect) for each in flow.inputs):
        return await asyncio.to_thread(work)
    return work()


def put_together(
    flow: Flow,
    execution_id: str,
    given: Sequence[tuple[str, str]],
    parents: Sequence[tuple[str, str]],
) -> tuple[tuple[str, str], ...]:
    """The labels of a new execution: what is inherited, what is given, the flow's own, the correlation."""
    wrong = [key for key, _ in given if key.startswith("system.") and key != CORRELATION]
    if wrong:
        raise InputInvalid(
            [
                f"System labels can only be set by flowbook itself, offending label: {key}"
                for key in wrong
            ]
        )
    own = [(label.key, label.value) for label in flow.labels if not label.key.startswith("system.")]
    pairs = [*own, *((key, str(value)) for key, value in given)]
    if parents:
        taken = {key for key, _ in pairs}
        pairs = [*(pair for pair in parents if pair[0] not in taken), *pairs]
    if not any(key == CORRELATION for key, _ in pairs):
        pairs.append((CORRELATION, execution_id))
    return tuple(pairs)


def secret_values(flow: Flow, inputs: Mapping[str, Json]) -> list[str]:
    """Values of SECRET inputs: what must not be shown."""
    if not any(each.is_secret for each in flow.inputs):
        return []
    from flowbook.flows.inputs import secret_values as find

    return find(flow, inputs)


def check_ids(flow: Flow, ids: Sequence[str]) -> None:
    """Raises `NotFound` for ids that no task of the flow has."""
    import difflib

    known = [task.id for task in flow.all_tasks()]
    for wanted in ids:
        if wanted not in known:
            close = difflib.get_close_matches(wanted, known, 1)
            hint = f": did you mean '{close[0]}'?" if close else f"; it has {', '.join(known)}"
            raise NotFound(f"Flow '{flow.uid}' has no task '{wanted}'{hint}")


def stretch(flow: Flow, first: str | None, last: str | None) -> list[str]:
    """The ids of the flow's tasks from one to another, both included, in the order of its list."""
    check_ids(flow, [one for one in (first, last) if one is not None])
    top = list(flow.tasks)

    def place(wanted: str | None, default: int) -> int:
        if wanted is None:
            return default
        for index, task in enumerate(top):
            if task.id == wanted or any(inner.id == wanted for inner in _inside(task)):
                return index
        return default

    start, end = place(first, 0), place(last, len(top) - 1)
    return [task.id for task in top[start : end + 1]]


def _inside(task: Task) -> list[Task]:
    found = list(task.children())
    for inner in list(found):
        found += _inside(inner)
    return found
