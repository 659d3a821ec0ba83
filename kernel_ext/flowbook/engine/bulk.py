"""What people do to many executions at once: those with these ids, or all that a query finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from flowbook.errors import BulkRefused, FlowbookError, InputInvalid, NotFound
from flowbook.kinds.state import State

from . import deleting

if TYPE_CHECKING:
    from .workspace import Workspace

Act: TypeAlias = Callable[..., Awaitable[object]]
"""Called with the workspace, an id and options; a text that comes back is the id of a new execution."""
ENDED = frozenset(state for state in State if state.is_terminal)
MOST = 100_000
"""Executions a query gives at most."""
TOLD = 5
"""Refusals that a message spells out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which executions: all that is said must hold, and what isn't said doesn't matter."""

    namespace: str | None = None
    """This namespace and those below."""
    flow_id: str | None = None
    states: Sequence[str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None

    def asked(self) -> dict[str, Any]:
        """As `history.executions` takes it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done to many executions."""

    suits: frozenset[State]
    """The states it is for: a query without states means these."""
    act: Act
    done: str
    """`3 executions killed`"""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: the executions it was done to (a replay's new ones), and who refused why."""

    ids: tuple[str, ...]
    refused: Mapping[str, str]


async def matching(workspace: Workspace, action: str, query: Query) -> list[dict[str, Any]]:
    """The executions that a query means for an action, oldest first. Raises `InputInvalid`."""
    wanted = action_named(action)
    states = query.states
    if states is None:
        states = [str(state) for state in State if state in wanted.suits]
    asked = replace(query, states=states).asked()
    rows = await workspace.history.executions(**asked, limit=MOST)
    return rows[::-1]


async def carry_out(workspace: Workspace, action: str, ids: Iterable[str], **options: Any) -> Done:
    """Do something to executions. Raises `BulkRefused`, with nothing done, if one of them isn't there or
    is in no state for it."""
    wanted = action_named(action)
    ids = list(dict.fromkeys(ids))
    await _check(workspace, action, wanted, ids)
    if action == "delete":
        return Done(tuple(await deleting.delete(workspace, ids, **options)), {})
    done, refused = [], {}
    for execution_id in ids:
        try:
            made = await wanted.act(workspace, execution_id, **options)
        except FlowbookError as error:  # it has moved on meanwhile, or asks for more than its state
            refused[execution_id] = str(error)
        else:
            done.append(made if isinstance(made, str) else execution_id)
    return Done(tuple(done), refused)


def action_named(name: str) -> Action:
    """An action by its name. Raises `InputInvalid`."""
    if name not in ACTIONS:
        raise InputInvalid(
            [f"'{name}' can't be done to executions; there are: {', '.join(ACTIONS)}"]
        )
    return ACTIONS[name]


async def _check(workspace: Workspace, name: str, action: Action, ids: Sequence[str]) -> None:
    invalid = []
    for execution_id in ids:
        try:
            row = await workspace.history.row(execution_id)
        except NotFound as error:
            invalid.append(str(error))
            continue
        if State(row["state"]) not in action.suits:
            suits = ", ".join(str(state) for state in State if state in action.suits)
            invalid.append(f"'{execution_id}' is {row['state']}; {name} is for {suits}")
    if invalid:
        more = f" … and {len(invalid) - TOLD} more" if len(invalid) > TOLD else ""
        said = "; ".join(invalid[:TOLD])
        raise BulkRefused(f"Nothing was done: {said}{more}", invalid)


def _of_control(name: str) -> Act:
    def act(workspace: Workspace, execution_id: str, **options: Any) -> Awaitable[object]:
        acted: Awaitable[object] = getattr(workspace.control, name)(execution_id, **options)
        return acted

    return act


def _kill(workspace: Workspace, execution_id: str, **options: Any) -> Awaitable[object]:
    return workspace.kill(execution_id, **options)


def _status(workspace: Workspace, execution_id: str, *, to: str) -> Awaitable[object]:
    return workspace.control.change_status(execution_id, None, to)


def _labels(workspace: Workspace, execution_id: str, *, to: Mapping[str, str]) -> Awaitable[object]:
    return workspace.control.set_labels(execution_id, to)


def _delete(workspace: Workspace, execution_id: str, **options: Any) -> Awaitable[object]:
    return deleting.delete(workspace, [execution_id], **options)


ACTIONS: Mapping[str, Action] = {
    "kill": Action(frozenset(State) - ENDED - {State.KILLING}, _kill, "killed"),
    "pause": Action(frozenset({State.RUNNING, State.RETRYING}), _of_control("pause"), "paused"),
    "resume": Action(frozenset({State.PAUSED}), _of_control("resume"), "resumed"),
    "restart": Action(frozenset({State.FAILED, State.PAUSED}), _of_control("restart"), "restarted"),
    "replay": Action(ENDED, _of_control("replay"), "replayed"),
    "delete": Action(ENDED, _delete, "deleted"),
    "labels": Action(frozenset(State), _labels, "labelled"),
    "change-status": Action(ENDED, _status, "changed"),
    "force-run": Action(
        frozenset({State.CREATED, State.QUEUED, State.PAUSED}), _of_control("force_run"), "forced"
    ),
    "unqueue": Action(frozenset({State.QUEUED}), _of_control("unqueue"), "unqueued"),
}
"""What can be done to many executions, by name."""
