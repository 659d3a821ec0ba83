"""What the holder of the lease keeps in mind of one schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State
from flowbook.triggers.backfill import Backfill

from .backfilling import laid_over
from .fires import is_slow
from .schedules import Scheduled, is_timed


@dataclass(slots=True)
class Entry:
    """A schedule in the heap."""

    scheduled: Scheduled
    due: datetime | None = None
    """Its own next date."""
    running: str | None = None
    """Its last execution, as long as that isn't over."""
    abreast: set[str] = field(default_factory=set)
    """Executions that it doesn't wait for."""
    number: int = 0
    """Only the youngest of a schedule's places in the heap counts."""
    is_firing: bool = False
    is_stopped: bool = False
    """By an end of its execution; the history will say so too."""

    @property
    def names(self) -> dict[str, str]:
        """The key of its row, by column."""
        namespace, flow_id, trigger_id = self.scheduled.key
        return {"namespace": namespace, "flow_id": flow_id, "trigger_id": trigger_id}

    @property
    def backfill(self) -> Backfill | None:
        """The backfill whose dates come before its own; one that is paused lets them pass."""
        found = self.scheduled.backfill
        return None if found is None or found.paused else found

    @property
    def date(self) -> datetime | None:
        """What is to be fired next."""
        return self.due if self.backfill is None else self.backfill.current

    @property
    def may_fire(self) -> bool:
        """Whether nothing but its date keeps it from firing."""
        return self.running is None and not self.is_firing and not self.is_stopped

    @property
    def is_slow(self) -> bool:
        """Whether looking for what it fires next may take longer than a moment."""
        found = self.backfill
        return is_slow(
            self.scheduled if found is None else laid_over(self.scheduled, found, found.inputs)
        )

    def has_ended(self, execution_id: str, state: str) -> bool:
        """Take note of an execution's end, if it is one of its own."""
        if self.running == execution_id:
            self.running = None
        elif execution_id in self.abreast:
            self.abreast.discard(execution_id)
        else:
            return False
        self.is_stopped = self.is_stopped or state in _states(self.scheduled.trigger.stop_after)
        return True

    def unlock(self, values: Mapping[str, Any]) -> bool:
        """Wait no longer, if that is what a trigger's row asks."""
        asked = (values.get("state") or {}).get("unlocked")
        if asked is None or asked != self.running:
            return False
        self.abreast.add(asked)
        self.running = None
        return True

    def differs(self, values: Mapping[str, Any]) -> bool:
        """Whether somebody else has changed its row: switched it off, begun, paused or ended a backfill."""
        known, told = self.scheduled.backfill, values.get("backfill") or {}
        ours = (known.id, known.paused) if known is not None else (None, None)
        return bool(values.get("disabled")) or ours != (told.get("id"), told.get("paused"))


def begins(values: Mapping[str, Any]) -> bool:
    """Whether the row of a trigger that nobody keeps in mind may be that of one to fire."""
    return not values.get("disabled") and is_timed(str(values.get("type") or ""))


def _states(value: Json) -> frozenset[str]:
    states = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return frozenset(State(str(state).upper()).value for state in states)
