"""`acme.trigger.Often`."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from flowbook.kinds.trigger import TimedTrigger


class Often(TimedTrigger):
    """Start an execution every few seconds."""

    seconds: int = Field(ge=1, le=30)
    """How many."""

    def due(self, after: datetime) -> datetime | None:
        number = int(after.timestamp()) // self.seconds + 1
        return datetime.fromtimestamp(number * self.seconds, UTC)
