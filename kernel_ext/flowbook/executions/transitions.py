"""Which moves between states there are: two tables, and the question whether a move is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowbook.errors import InvalidTransition
from flowbook.kinds.state import State

C, Q, R, P = State.CREATED, State.QUEUED, State.RUNNING, State.PAUSED
AGAIN, RETRY, KILLING, BREAK = State.RESTARTED, State.RETRYING, State.KILLING, State.BREAKPOINT
OK, WARN, FAIL, KILLED = State.SUCCESS, State.WARNING, State.FAILED, State.KILLED
CANCEL, RETRIED, SKIP = State.CANCELLED, State.RETRIED, State.SKIPPED

_ENDED = frozenset({AGAIN, OK, WARN, FAIL, KILLED, CANCEL})

EXECUTION: Mapping[State, frozenset[State]] = {
    C: frozenset({Q, R, FAIL, CANCEL, SKIP, BREAK, KILLING}),
    Q: frozenset({R, FAIL, CANCEL, KILLING}),
    R: frozenset({OK, WARN, FAIL, KILLED, CANCEL, P, RETRY, RETRIED, BREAK, KILLING}),
    P: frozenset({R, AGAIN, FAIL, CANCEL, RETRIED, KILLING}),
    AGAIN: frozenset({R, FAIL, CANCEL, KILLING}),
    RETRY: frozenset({R, P, RETRIED, FAIL, CANCEL, KILLING}),
    BREAK: frozenset({R, FAIL, CANCEL, KILLING}),
    KILLING: frozenset({KILLED}),
    **dict.fromkeys((OK, WARN, FAIL, KILLED, CANCEL, RETRIED), _ENDED),
    SKIP: frozenset(),
}
"""Moves of an execution."""

TASK_RUN: Mapping[State, frozenset[State]] = {
    C: frozenset({R, OK, WARN, FAIL, SKIP, CANCEL, KILLED}),
    R: frozenset({OK, WARN, FAIL, KILLED, CANCEL, P, RETRY, RETRIED, C, KILLING}),
    P: frozenset({R, AGAIN, OK, WARN, FAIL, CANCEL, RETRIED, KILLED, KILLING}),
    AGAIN: frozenset({R, OK, WARN, FAIL, SKIP, CANCEL, KILLED}),
    RETRY: frozenset({C, FAIL, CANCEL, RETRIED, KILLED}),
    KILLING: frozenset({KILLED}),
    **dict.fromkeys((OK, WARN, FAIL, KILLED, CANCEL), _ENDED | {R}),
    RETRIED: frozenset({AGAIN, R}),
    SKIP: frozenset({AGAIN, R}),
}
"""Moves of a task run."""


def allows(table: Mapping[State, frozenset[State]], old: State, new: State) -> bool:
    """Whether there is such a move."""
    return new in table.get(old, frozenset())


def check(
    table: Mapping[State, frozenset[State]], old: State, new: State, story: Callable[[], object]
) -> None:
    """Refuse a move that the table doesn't list; `story` tells what led to it."""
    if not allows(table, old, new):
        what = "execution" if table is EXECUTION else "task run"
        raise InvalidTransition(f"{what} can't move from {old} to {new} ({story()})")
