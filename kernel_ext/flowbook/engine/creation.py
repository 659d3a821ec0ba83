"""Making an execution: its inputs read, its labels put together, its limits asked."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from flowbook.errors import InputInvalid, NotFound
from flowbook.executions.events import Created
from flowbook.executions.model import Execution
from flowbook.executions.step import born
from flowbook.expressions import render as language
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.task import Task
from flowbook.workspace.masking import STARS

from . import rendering
from .closing import Closing
from .recorded import recorded

if TYPE_CHECKING:
    from flowbook.flows.inputs import Render

    from .given import Given
    from .workspace import Workspace

CORRELATION = "system.correlationId"
T = TypeVar("T")


async def created(
    workspace: Workspace,
    flow: Flow,
    execution_id: str,
    *,
    revision: int,
    draft: bool,
    inputs: Mapping[str, Given],
    folder: Path | None = None,
    labels: Sequence[tuple[str, str]],
    trigger: Mapping[str, Json] | None,
    parent_labels: Sequence[tuple[str, str]] = (),
    only: Sequence[str] | None = None,
    schedule_date: datetime | None = None,
    closing: Closing,
) -> Created:
    """The event that begins an execution; `closing` learns the secrets that are read for its inputs. Raises `InputInvalid`, with every message at once."""
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
    )
    if only is not None:
        stands = await recorded(workspace, flow, only, closing)
        bare = replace(
            bare,
            only=tuple(only),
            recorded=stands.outputs,
            recorded_from=stands.execution_id,
        )
    resolved = await resolved_inputs(
        workspace, flow, born(execution_id, flow, bare), inputs, closing, folder
    )
    return replace(bare, inputs=resolved)


AGAIN = frozenset({"system.restarted", "system.replay"})
"""Labels that say how an execution began, or went on."""


def like(old: Execution, flow: Flow, revision: int, now: datetime) -> Created:
    """How an execution begins that does again what another one did."""
    return Created(
        at=now,
        namespace=flow.namespace,
        flow_id=flow.id,
        revision=revision,
        draft=old.draft,
        inputs=old.inputs,
        labels=tuple(pair for pair in old.labels if pair[0] not in AGAIN),
        trigger=old.trigger,
        parent_id=old.id,
        original_id=old.original_id,
        attempt_number=old.attempt_number,
        only=None if old.only is None else tuple(sorted(old.only)),
        recorded=old.recorded,
        recorded_from=old.recorded_from,
    )


async def resolved_inputs(
    workspace: Workspace,
    flow: Flow,
    execution: Execution,
    given: Mapping[str, Given],
    closing: Closing,
    folder: Path | None = None,
) -> dict[str, Json]:
    """Given values read by the flow's declarations, defaults rendered, files stored. `folder` is that of a
    person at this machine: paths begin there, and mistyped names are refused. Raises `InputInvalid`."""
    from .given import unknown_names

    if not flow.inputs and not given:
        return {}
    scope = rendering.scope_of(
        execution,
        None,
        storage=workspace.storage,
        services=workspace.services(execution, closing),
        surroundings=workspace.surroundings(flow),
    )
    unknown = None if folder is None else unknown_names(flow, given)
    try:
        read = await answered(
            workspace, execution, flow, given, scope, folder, keep=unknown is None
        )
    except InputInvalid as refused:
        raise (refused if unknown is None else unknown.with_(refused)) from None
    if unknown is not None:
        raise unknown
    return read


async def answered(
    workspace: Workspace,
    execution: Execution,
    asks: Flow | Sequence[Input],
    given: Mapping[str, Given],
    scope: language.Scope,
    folder: Path | None = None,
    *,
    keep: bool = True,
) -> dict[str, Json]:
    """Given values read by declarations; files stored, if they are to be kept. Raises `InputInvalid`."""
    from flowbook.flows import inputs as declarations

    from .given import apart, sources, stored

    declared = declarations.members(asks)
    values, files = apart(declared, given, folder)
    try:
        read = await reading(
            asks, scope, lambda render: declarations.resolve(asks, values, render=render)
        )
    except InputInvalid as refused:
        other = [each for each in declared if each.id not in refused.paths]
        try:
            sources(workspace, execution, other, values, files, folder)
        except InputInvalid as lost:
            raise refused.with_(lost) from None
        raise
    found = sources(workspace, execution, declared, read, files, folder)
    return await stored(workspace, execution, declared, read, found) if keep else read


async def reading(
    asks: Flow | Sequence[Input], scope: language.Scope, work: Callable[[Render], T]
) -> T:
    """What `work` does with declarations whose templates see `scope` and the values before them."""
    from flowbook.flows import inputs as declarations

    def render(value: Json, so_far: Mapping[str, Json]) -> Json:
        inside = replace(scope, variables=ChainMap({"inputs": so_far}, scope.variables))  # type: ignore[arg-type]
        return rendering.plain(language.render_deep(value, inside, typed=True))

    templates: list[Json] = [
        [
            each.defaults,
            getattr(each, "expression", None),
            each.depends_on and each.depends_on.condition,
        ]
        for each in declarations.members(asks)
    ]
    return await rendering.in_place(templates, scope, lambda: work(render))  # type: ignore[no-any-return]


def given_again(
    flow: Flow, given: Mapping[str, Given], old: Mapping[str, Json], *, keep: bool
) -> dict[str, Given]:
    """Given values for a replay; those that aren't given are the old ones, if they are kept. A SECRET that
    comes back as the stars it is shown as is the old one in any case."""
    from flowbook.flows.inputs import flat, nested

    before = flat(old, flow.declared)
    secrets = {each.id for each in flow.declared if each.is_secret}
    meant = {
        name: before.get(name) if name in secrets and value == STARS else value
        for name, value in flat(given, flow.declared).items()
    }
    return {**given, **nested({**before, **meant} if keep else meant)}


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


def secret_values(asks: Flow | Sequence[Input], values: Mapping[str, Json]) -> list[str]:
    """Values of SECRET inputs: what must not be shown."""
    from flowbook.flows import inputs as declarations

    return declarations.secret_values(asks, values)


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
    if start > end:
        raise InputInvalid([f"Nothing lies between '{first}' and '{last}': '{last}' comes first"])
    return [task.id for task in top[start : end + 1]]


def _inside(task: Task) -> list[Task]:
    found = list(task.children())
    for inner in list(found):
        found += _inside(inner)
    return found
