"""A backfill's dates, one after another: what the holder of the lease does about them.

Each is fired as a schedule's own date is (see `scheduling`), but entered under the backfill's id too, so a date
that the schedule has fired itself runs again. Moving on, pausing and deleting are transactions on the same row,
so a wish counts from the moment it is answered.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flowbook.errors import Conflict, NotFound
from flowbook.ids import new_id
from flowbook.kinds.dynamic import Json
from flowbook.triggers.backfill import Backfill

from .fires import Around, Fire, considered
from .schedules import Scheduled
from .trigger_labels import written

if TYPE_CHECKING:
    from .entries import Entry
    from .scheduling import Scheduler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What comes next in a backfill: no date if it is over, no execution if conditions refuse the date."""

    date: datetime | None = None
    fire: Fire | None = None
    following: datetime | None = None


def laid_over(scheduled: Scheduled, backfill: Backfill, inputs: Mapping[str, Json]) -> Scheduled:
    """The schedule as a backfill has it: inputs and labels of its own, and no date is too late."""
    trigger = scheduled.trigger
    changed = {
        "inputs": {**(trigger.inputs or {}), **inputs},
        "labels": {**dict(written(trigger.labels)), **backfill.labels},
        "late_maximum_delay": None,
    }
    return replace(scheduled, trigger=trigger.model_copy(update=changed))


def look(
    scheduled: Scheduled, backfill: Backfill, now: datetime, execution_id: str, around: Around
) -> Look:
    """The next date of a backfill and what it leads to."""
    date = backfill.next_in(scheduled.dates)
    if date is None:
        return Look()
    inputs = around.open(dict(backfill.inputs))
    assert isinstance(inputs, dict)
    fire, following = considered(
        laid_over(scheduled, backfill, inputs), date, now, execution_id, around
    )
    return Look(date, fire, backfill.within(following))


async def fire(scheduler: Scheduler, entry: Entry) -> None:
    """Make the execution of the next date of a backfill, and move it on."""
    scheduled, backfill = entry.scheduled, entry.backfill
    assert backfill is not None
    execution_id = new_id(scheduler.random)
    around = scheduler.around(scheduled, execution_id)
    found = await scheduler.reckoned(
        entry, partial(look, scheduled, backfill, scheduler.clock.now(), execution_id, around), None
    )
    if not scheduler.counts(entry):
        return
    if found is None:
        await _pause(scheduler, entry)
        return
    at = {**entry.names, "id": backfill.id, "current": _utc(backfill.current)}
    made = None
    if found.fire is not None and found.date is not None:
        [row] = await scheduler.store.transact(
            "fire_backfill", **at, date=_utc(found.date), execution_id=execution_id
        )
        if row["execution_id"] is None:
            _stands(entry, row["backfill"])
            return
        await scheduler.create(found.fire, row, entry)
        made = row["execution_id"]
    following = None if found.following is None else _utc(found.following)
    [row] = await scheduler.store.transact("move_backfill", **at, next=following, execution_id=made)
    _stands(entry, row["backfill"])


async def _pause(scheduler: Scheduler, entry: Entry) -> None:
    """Let a backfill wait whose trigger can't say its dates, instead of asking again and again."""
    try:
        [row] = await scheduler.store.transact("pause_backfill", **entry.names, paused=True)
    except (Conflict, NotFound) as error:
        log.warning("The backfill of %s: %s", entry.scheduled.name, error)
        _stands(entry, None)
        return
    _stands(entry, row["backfill"])


def _stands(entry: Entry, kept: Mapping[str, Any] | None) -> None:
    entry.scheduled = replace(entry.scheduled, backfill=Backfill.from_json(kept))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
