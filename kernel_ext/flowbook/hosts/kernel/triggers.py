"""`%flow backfill` and `%flow triggers`: dates of the past, and what fires by itself."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from . import arguments
from .named import wanted_id
from .tables import Table

if TYPE_CHECKING:
    from flowbook.api import Workspace
    from flowbook.engine.schedules import Fires

    from .magics import FlowMagics

CHANGES = ("pause", "resume", "delete")


def backfill(magics: FlowMagics, given: Namespace) -> Any:
    """Begin one, change one, or list them."""
    changes = [name for name in CHANGES if getattr(given, name)]
    if len(changes) + (given.start is not None) > 1:
        raise UsageError(f"One at a time: --start, {', '.join(f'--{each}' for each in CHANGES)}")
    if given.start is None and (given.end or given.input or given.label or given.dry_run):
        raise UsageError("From which date on? --start 2026-01-31")
    if (given.start or changes) and given.flow is None:
        raise UsageError("Which flow? '%flow ls' lists them.")
    uid = None if given.flow is None else wanted_id(magics, given.flow)
    if uid is not None and given.start is not None:
        return _begin(magics.ws, uid, given)
    if uid is not None and changes:
        return _change(magics.ws, uid, given.trigger, changes[0])
    return _listed(magics.ws, uid)


def _begin(ws: Workspace, uid: str, given: Namespace) -> Table | None:
    from flowbook.engine.backfill_plan import plan
    from flowbook.engine.backfills import begin, is_served, is_trusted
    from flowbook.triggers.backfill import MANY
    from flowbook.views import backfills as view

    labels = arguments.values(given.label)
    inputs = arguments.inputs(given.input)
    planned = ws.portal.call(
        plan(ws.engine, uid, given.trigger, given.start, given.end, inputs, labels)
    )
    said = view.planned(planned.scheduled.name, planned.dates, planned.zone)
    if given.dry_run:
        print(f"{said} would run.")
        return Table([{"date": view.day(each)} for each in planned.dates[: view.SHOWN]])
    if len(planned.dates) > MANY and not given.yes:
        print(f"{said} would run; --yes does it.")
        return None
    ws.portal.call(begin(ws.engine, planned, confirm=True))
    print(f"Backfill: {said}.")
    served = ws.portal.call(is_served(ws.engine))
    print(view.goes_on(served=served, trusted=is_trusted(ws.engine)))
    print(f"%flow backfill {uid} shows how far it is.")
    return None


def _change(ws: Workspace, uid: str, trigger: str | None, change: str) -> None:
    match change:
        case "pause":
            ws.pause_backfill(uid, trigger)
            print(f"The backfill of {uid} is paused; its schedule goes on by itself.")
        case "resume":
            ws.resume_backfill(uid, trigger)
            print(f"The backfill of {uid} goes on.")
        case _:
            ws.delete_backfill(uid, trigger)
            print(f"The backfill of {uid} is deleted; what it has started stays.")


def _listed(ws: Workspace, uid: str | None) -> Table:
    from flowbook.engine.backfills import is_served, listed
    from flowbook.views.backfills import row

    served = ws.portal.call(is_served(ws.engine))
    rows = [row(each, served=served) for each in ws.portal.call(listed(ws.engine, uid))]
    return Table(rows, empty="No backfill." if uid is None else f"No backfill of {uid}.")


def triggers(magics: FlowMagics, given: Namespace) -> Table | None:
    """List them, or switch one."""
    ws = magics.ws
    if given.what == "list":
        uid = None if given.flow is None else wanted_id(magics, given.flow)
        told: list[Any] = [*ws.schedules(), *ws.flow_triggers()]
        rows = [_row(each) for each in told if uid in (None, each["flow"])]
        shown = [name for name in (rows or [{}])[0] if any(row[name] for row in rows)]
        empty = f"{uid} has no trigger that fires by itself."
        if uid is None:
            empty = "No trigger is deployed. A flow gets one with a triggers: list."
        return Table([{name: row[name] for name in shown} for row in rows], empty=empty)
    if given.flow is None:
        raise UsageError("Which flow's trigger? '%flow triggers' lists them.")
    uid = wanted_id(magics, given.flow)
    switches = {
        "enable": (ws.enable_trigger, "is enabled"),
        "disable": (ws.disable_trigger, "is disabled"),
        "unlock": (ws.unlock_trigger, "waits no longer"),
    }
    act, said = switches[given.what]
    print(f"{uid}.{act(uid, given.trigger)} {said}.")
    return None


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "flow": told["flow"],
        "trigger": told["trigger"],
        "type": str(told["type"]).rpartition(".")[2],
        "cron": told.get("cron"),
        "waits for": told.get("waits_for"),
        "next fire": when(told) if told.get("next") is not None else None,
        "backfill": going_on(told),
        "disabled": "yes" if told["disabled"] else None,
        "problem": told.get("problem"),
    }


def when(fire: Mapping[str, Any]) -> str:
    """The next fire of a schedule, in its zone; of a Flow trigger the end of its window."""
    moment = fire["next"] if "zone" in fire else fire["next"].astimezone()
    return f"{moment:%a %d %b %Y, %H:%M:%S} {fire.get('zone', '')}".rstrip()


def going_on(told: Mapping[str, Any]) -> str:
    """How far the backfill of a schedule is; empty without one."""
    from flowbook.triggers.zones import zone
    from flowbook.views.backfills import beside

    return beside(told["backfill"], zone(told["zone"])) if told.get("backfill") else ""


def standing(fire: Fires) -> str | None:
    """What `%flow ls` says of a schedule: why it can't fire, when it does, what is made up for."""
    next_fire = when(fire) if fire["next"] is not None else None
    made_up = f"backfill {going_on(fire)}" if fire["backfill"] else None
    return fire["problem"] or "; ".join(filter(None, (next_fire, made_up))) or None
