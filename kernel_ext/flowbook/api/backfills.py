"""A backfill as people hold it: `ws.backfill(…)`, how far it is, pause, resume, delete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .triggers import Triggers


class Backfill:
    """A series of dates in the past that are made up for; what it tells is read anew each time."""

    def __init__(self, workspace: Triggers, id: str, row: Mapping[str, Any] | None = None) -> None:
        self.workspace = workspace
        self.id = id
        self._row = row

    def row(self) -> dict[str, Any]:
        """All there is to know: flow, trigger, state, start, end, date, done, total, executions, inputs …"""
        from flowbook.engine.backfills import listed

        ws = self.workspace
        rows = ws.portal.call(listed(ws.engine, id=self.id))
        return rows[0] if rows else dict(self._row or {})

    @property
    def flow(self) -> str:
        return str(self.row()["flow"])

    @property
    def trigger(self) -> str:
        return str(self.row()["trigger"])

    @property
    def state(self) -> str:
        """RUNNING, PAUSED, DONE or STOPPED (deleted, or its trigger was disabled)."""
        return str(self.row()["state"])

    @property
    def date(self) -> datetime | None:
        """The date that comes next."""
        found: datetime | None = self.row()["date"]
        return found

    @property
    def done(self) -> int:
        """How many dates it has come past."""
        return int(self.row()["done"])

    @property
    def total(self) -> int:
        return int(self.row()["total"])

    @property
    def executions(self) -> dict[str, int]:
        """How many executions are in which state."""
        return dict(self.row()["executions"])

    def pause(self) -> Backfill:
        """Begin with no further date; what runs goes on. Raises `Conflict`, `NotFound`."""
        self.workspace.pause_backfill(self.flow, self.trigger)
        return self

    def resume(self) -> Backfill:
        """Go on. Raises `Conflict`, `NotFound`."""
        self.workspace.resume_backfill(self.flow, self.trigger)
        return self

    def delete(self) -> None:
        """End it where it stands; what it has started stays. Raises `NotFound`."""
        self.workspace.delete_backfill(self.flow, self.trigger)

    def __repr__(self) -> str:
        from flowbook.engine.backfills import is_served
        from flowbook.views.backfills import day, executions
        from flowbook.views.backfills import row as shown

        row = self.row()
        served = self.workspace.portal.call(is_served(self.workspace.engine))
        at = f", at {day(row['date'])}" if row["date"] is not None else ""
        counts = executions(row["executions"])
        return (
            f"<backfill of {row['flow']} ({row['trigger']}): {shown(row, served=served)['status']}, "
            f"{row['done']} of {row['total']} dates{at}{': ' + counts if counts else ''}>"
        )
