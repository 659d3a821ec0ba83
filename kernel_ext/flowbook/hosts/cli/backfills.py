"""`flowbook triggers backfill`: dates of the past run as the schedule would have run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import given
from .commands import examples
from .completing import flow_ids, trigger_ids
from .output import document, listing, with_output

if TYPE_CHECKING:
    from flowbook.api import Workspace

COLUMNS = ["flow", "trigger", "status", "dates", "next", "from", "to", "executions"]
DATE = "DATE|DATE-TIME"


@click.command(
    epilog=examples(
        "flowbook triggers backfill demo.report --start 2026-01-01 --end 2026-01-31",
        "flowbook triggers backfill demo.report --start 2026-01-01 --dry-run",
        "flowbook triggers backfill demo.report --start 2026-11-20T07:00 -i station=Oslo",
        "flowbook triggers backfill                         how far backfills are",
        "flowbook triggers backfill demo.report --pause",
    )
)
@click.argument("flow", metavar="[NAMESPACE.ID]", required=False, shell_complete=flow_ids)
@click.option(
    "-t", "--trigger", metavar="ID", shell_complete=trigger_ids, help="Which of its schedules."
)
@click.option("--start", metavar=DATE, help="From this date on, in the schedule's zone.")
@click.option("--end", metavar=DATE, help="To this date; a day is meant whole. Else until now.")
@click.option(
    "-i", "--inputs", multiple=True, metavar="KEY=VALUE", help="Instead of the trigger's."
)
@click.option("--labels", multiple=True, metavar="KEY=VALUE", help="Besides the trigger's.")
@click.option("--dry-run", is_flag=True, help="Only show the dates.")
@click.option("--pause", "change", flag_value="pause", help="Let it begin with no further date.")
@click.option("--resume", "change", flag_value="resume", help="Let a paused one go on.")
@click.option("--delete", "change", flag_value="delete", help="End it where it stands.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask before thousands of dates run.")
@with_output
def backfill(
    flow: str | None,
    start: str | None,
    change: str | None,
    output: str,
    **asked: Any,
) -> None:
    """Run a schedule for dates of the past; without --start, show how far backfills are.

    The dates run one after another, as the schedule does them, while a server runs: JupyterLab or
    'flowbook server'. Its own dates wait meanwhile.
    """
    from .workspace import existing, opened

    _check(flow, start, change, asked)
    if start is None and change is None and not existing():
        listing([], COLUMNS, output, empty="No backfill.")
        return
    with opened() as ws:
        if flow is not None and start is not None:
            _begin(ws, flow, start, output, **asked)
        elif flow is not None and change is not None:
            _change(ws, flow, asked["trigger"], change)
        else:
            _list(ws, flow, output)


def _check(flow: str | None, start: str | None, change: str | None, asked: dict[str, Any]) -> None:
    """Raises a usage error for options that say nothing together."""
    of_start = [name for name in ("end", "inputs", "labels", "dry_run") if asked[name]]
    if start is None and of_start:
        option = of_start[0].replace("_", "-")
        raise click.UsageError(f"--{option} says more about --start DATE, which is missing")
    if start is not None and change is not None:
        raise click.UsageError(f"Either --start or --{change}")
    if flow is None and (start or change):
        raise click.UsageError("Which flow? Write it as NAMESPACE.ID")


def _begin(
    ws: Workspace,
    flow: str,
    start: str,
    output: str,
    *,
    trigger: str | None,
    end: str | None,
    inputs: tuple[str, ...],
    labels: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    from flowbook.engine.backfill_plan import plan
    from flowbook.engine.backfills import begin, is_served, is_trusted, listed
    from flowbook.triggers.backfill import MANY
    from flowbook.views import backfills as view

    planned = ws.portal.call(
        plan(ws.engine, flow, trigger, start, end, given.inputs(inputs), given.labels(labels))
    )
    said = view.planned(planned.scheduled.name, planned.dates, planned.zone)
    if dry_run:
        if output != "table":
            document([each.isoformat() for each in planned.dates], output)
            return
        for date in planned.dates[: view.SHOWN]:
            click.echo(f"  {view.day(date)}")
        if (more := len(planned.dates) - view.SHOWN) > 0:
            click.echo(f"  … and {more:,} more")
        click.echo(f"{said} would run.")
        return
    if len(planned.dates) > MANY and not yes:
        _agree(said)
    id = ws.portal.call(begin(ws.engine, planned, confirm=True))
    if output != "table":
        document(ws.portal.call(listed(ws.engine, id=id))[0], output)
        return
    click.echo(f"Backfill: {said}.")
    served = ws.portal.call(is_served(ws.engine))
    click.echo(view.goes_on(served=served, trusted=is_trusted(ws.engine)))
    click.echo(f"flowbook triggers backfill {flow} shows how far it is.")


def _agree(said: str) -> None:
    try:
        agreed = click.confirm(f"{said} will run. Go on?")
    except click.Abort:
        click.echo("")
        raise click.UsageError("Nobody answered, so nothing was done; --yes answers.") from None
    if not agreed:
        click.echo("Nothing was done.")
        raise click.exceptions.Exit(1)


def _change(ws: Workspace, flow: str, trigger: str | None, change: str) -> None:
    match change:
        case "pause":
            ws.pause_backfill(flow, trigger)
            click.echo(f"The backfill of {flow} is paused; its schedule goes on by itself.")
        case "resume":
            ws.resume_backfill(flow, trigger)
            click.echo(f"The backfill of {flow} goes on.")
        case _:
            ws.delete_backfill(flow, trigger)
            click.echo(f"The backfill of {flow} is deleted; what it has started stays.")


def _list(ws: Workspace, flow: str | None, output: str) -> None:
    from flowbook.engine.backfills import is_served, listed
    from flowbook.views import backfills as view

    if flow is not None:
        ws.flow(flow)
    rows = ws.portal.call(listed(ws.engine, flow))
    if output == "table" and rows:
        served = ws.portal.call(is_served(ws.engine))
        rows = [view.row(row, served=served) for row in rows]
    columns = [name for name in COLUMNS if name != "next" or any(row.get("next") for row in rows)]
    empty = "No backfill." if flow is None else f"No backfill of {flow}."
    listing(rows, columns, output, empty=empty)
