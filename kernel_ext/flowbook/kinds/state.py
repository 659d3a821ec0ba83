"""The states an execution and a task run can be in."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    """Where an execution or a task run stands; which moves are allowed: `executions/transitions.py`."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RESTARTED = "RESTARTED"
    RETRYING = "RETRYING"
    KILLING = "KILLING"
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    KILLED = "KILLED"
    CANCELLED = "CANCELLED"
    RETRIED = "RETRIED"
    SKIPPED = "SKIPPED"
    BREAKPOINT = "BREAKPOINT"
    SUBMITTED = "SUBMITTED"
    RESUBMITTED = "RESUBMITTED"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL

    @property
    def is_created(self) -> bool:
        return self is State.CREATED or self is State.RESTARTED

    @property
    def is_failed(self) -> bool:
        return self is State.FAILED


TERMINAL = frozenset(
    {
        State.SUCCESS,
        State.WARNING,
        State.FAILED,
        State.KILLED,
        State.CANCELLED,
        State.RETRIED,
        State.SKIPPED,
        State.RESUBMITTED,
    }
)

RANK = {State.KILLED: 5, State.FAILED: 4, State.WARNING: 2, State.PAUSED: 1, State.SUCCESS: 0}
CANCELLED_RANK = 3  # `seed`: between FAILED and WARNING; in `kestra` it counts as success


def worse(one: State, other: State, *, cancelled_counts: bool = False) -> State:
    """The state a scope would have with both: KILLED > FAILED > WARNING > PAUSED > SUCCESS."""

    def rank(state: State) -> int:
        if state is State.CANCELLED and cancelled_counts:
            return CANCELLED_RANK
        return RANK.get(state, 0)

    worst = one if rank(one) >= rank(other) else other
    return worst if rank(worst) else State.SUCCESS


def worst(states: Iterable[State]) -> State:
    """The worst of several states; SUCCESS of none."""
    result = State.SUCCESS
    for state in states:
        result = worse(result, state)
    return result
