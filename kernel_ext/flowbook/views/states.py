"""How a state is said and drawn: word, icon, letter, symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """The looks of one state."""

    letter: str
    """One character in the strings that stand for the fields of a grid."""
    icon: str
    """Name of the icon in `icons.json`."""
    symbol: str
    """For terminals and plain text."""
    plain: str
    """The same in ASCII."""


LOOKS: Mapping[str, Look] = {
    "failed": Look("f", "failed", "✕", "x"),
    "killed": Look("k", "killed", "■", "k"),
    "killing": Look("g", "killing", "□", "k"),
    "cancelled": Look("x", "cancelled", "⊘", "/"),
    "warning": Look("w", "warning", "▲", "!"),
    "retrying": Look("t", "retrying", "↻", "~"),
    "paused": Look("p", "paused", "‖", "="),
    "breakpoint": Look("p", "paused", "‖", "="),
    "running": Look("r", "running", "●", ">"),
    "queued": Look("q", "queued", "◔", "."),
    "created": Look("c", "created", "○", "."),
    "restarted": Look("c", "created", "○", "."),
    "submitted": Look("c", "created", "○", "."),
    "resubmitted": Look("c", "created", "○", "."),
    "retried": Look("t", "retrying", "↻", "~"),
    "success": Look("s", "success", "✓", "+"),
    "skipped": Look("z", "skipped", "»", "-"),
}
"""Worst first: the order in which a field that stands for several picks its state."""

ENDED = frozenset(
    {"success", "warning", "failed", "killed", "cancelled", "retried", "skipped", "resubmitted"}
)
ACTIVE = frozenset({"running", "killing", "retrying", "paused", "breakpoint"})
BY_LETTER: Mapping[str, str] = {
    look.letter: name for name, look in LOOKS.items() if name == look.icon
}
_RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(LOOKS)}
_UNKNOWN = Look("c", "created", "?", "?")


def name_of(state: object) -> str:
    """The state in lower case, as in `data-state`; an enum or any spelling is taken."""
    return str(getattr(state, "value", state)).lower()


def look(state: str) -> Look:
    """The looks of a state; one this version doesn't know looks like created."""
    return LOOKS.get(state, _UNKNOWN)


def worst(states: Iterable[str]) -> str:
    """The state that one field shows when it stands for several."""
    return min(states, key=lambda state: _RANK.get(state, len(_RANK)))


def lane_state(found: Sequence[str], size: int) -> str:
    """The state of one iteration from its task runs; `size` is how many it has in the end."""
    if len(found) == 1 and size == 1:
        return found[0]
    active = [state for state in found if state not in ENDED]
    bad = [state for state in found if state in ("failed", "killed", "cancelled")]
    if bad and not active:
        return worst(bad)
    if active:
        return "created" if set(found) <= {"created"} else worst([*active, "running"])
    return worst(found) if len(found) >= size else "running"


def sentence(state: str) -> str:
    """The word for a head line: `Running`."""
    return state.capitalize()
