"""The execution that takes a RETRIED one's place.

Its beginning and the end of the old one are made durable in one append: no host's death comes between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions.model import Execution
from flowbook.executions.step import Folded, born, fold
from flowbook.ids import child_id
from flowbook.kinds.state import State
from flowbook.store.rows import EventRow

from .creation import like


@dataclass(frozen=True, slots=True)
class Successor:
    """An execution that has begun once `row` and the changes of `begun` are durable."""

    begun: Folded
    row: EventRow


def successor_of(folded: Folded) -> Successor | None:
    """What follows an execution that these events have RETRIED."""
    if folded.execution.state is not State.RETRIED:
        return None
    wanted = [each for each in folded.commands if isinstance(each, c.Replay)]
    return _begun(folded.execution, wanted[0].attempt_number) if wanted else None


def _begun(old: Execution, attempt_number: int) -> Successor:
    at = old.history[-1][1]
    created = replace(
        like(old, old.flow, old.revision, at),
        attempt_number=attempt_number,
        original_date=old.original_date or old.history[0][1],
    )
    execution_id = successor_id(old.id, old.attempt_number)
    begun = fold(born(execution_id, old.flow, created), (created,))
    return Successor(begun, EventRow(execution_id, at, created.kind, e.to_json(created)))


def successor_id(execution_id: str, attempt_number: int) -> str:
    """The id of the execution that a RETRIED one is followed by; its number tells it from that of
    the same execution restarted."""
    return child_id(execution_id, "again", attempt_number)
