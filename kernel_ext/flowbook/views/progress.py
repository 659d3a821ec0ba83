"""How far an execution is, for one row of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .run import RunView
from .words import count, left


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a running execution stands."""

    execution_id: str
    ended: int
    expected: int
    """Task runs there will be in the end, as far as is known."""
    at: str
    """What runs: `report, cell 7 of 12`."""
    elapsed: float | None
    estimate: float | None
    """Seconds it is expected to take in all."""

    def __str__(self) -> str:
        """`33 of 55 · report, cell 7 of 12 · 1:10 left`."""
        said = "" if self.elapsed is None else left(self.estimate, self.elapsed)
        facts = f"{count(self.ended)} of {count(self.expected)}"
        return " · ".join(filter(None, (facts, self.at, said)))

    def to_json(self) -> dict[str, Any]:
        """For the browser, which knows by itself how much time has passed."""
        return {
            "execution_id": self.execution_id,
            "ended": self.ended,
            "expected": self.expected,
            "at": self.at,
            "estimate": self.estimate,
        }


def progress(view: RunView) -> Progress | None:
    """How far an execution is; None when it has ended."""
    if view.is_over:
        return None
    at = view.at
    cell = f" of {at.cells}" if at is not None and at.cells else ""
    return Progress(
        execution_id=view.id,
        ended=view.ended_count,
        expected=max(view.expected, sum(view.counts.values())),
        at=at.title + cell if at is not None else "",
        elapsed=view.elapsed,
        estimate=view.estimate,
    )
