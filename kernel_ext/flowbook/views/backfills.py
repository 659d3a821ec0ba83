"""What people read of backfills: one in a line, the beginning of one in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from .words import count, plural

SHOWN = 20
"""Dates that are spelt out."""


def day(moment: datetime) -> str:
    """`2026-01-31 07:00`; seconds only where there are any."""
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def row(told: Mapping[str, Any], *, served: bool) -> dict[str, Any]:
    """A backfill in a list: how far it is, where it stands, what came of it."""
    status = str(told["state"]).lower()
    return {
        "flow": told["flow"],
        "trigger": told["trigger"],
        "status": status if served or status != "running" else "waits for a server",
        "dates": f"{count(told['done'])} of {count(told['total'])}",
        "next": day(told["date"]) if told["ended"] is None else None,
        "from": day(told["start"]),
        "to": day(told["end"]),
        "executions": executions(told["executions"]),
    }


def executions(states: Mapping[str, int]) -> str:
    """`38 success, 2 failed`."""
    return ", ".join(f"{count(number)} {state.lower()}" for state, number in states.items())


def beside(backfill: Mapping[str, Any] | None, zone: tzinfo) -> str:
    """`12 of 40, at 2026-01-13 07:00` beside its schedule; empty if there is none."""
    if backfill is None:
        return ""
    at = datetime.fromisoformat(backfill["currentDate"]).astimezone(zone)
    paused = "paused, " if backfill["paused"] else ""
    return f"{paused}{count(backfill['done'])} of {count(backfill['total'])}, at {day(at)}"


def planned(name: str, dates: Sequence[datetime], zone: str) -> str:
    """`31 dates of demo.report.mornings, 2026-01-01 07:00 to 2026-01-31 07:00 (Europe/Paris)`."""
    span = day(dates[0]) if len(dates) == 1 else f"{day(dates[0])} to {day(dates[-1])}"
    return f"{plural(len(dates), 'date')} of {name}, {span} ({zone})"


def goes_on(*, served: bool, trusted: bool) -> str:
    """What carries a backfill on."""
    if not trusted:
        return "Nothing fires in this workspace until you trust it: flowbook init"
    if served:
        return "A server runs them now, one after another; the schedule's own dates wait meanwhile."
    return "No server runs now: they run while one does (JupyterLab, or flowbook server)."
