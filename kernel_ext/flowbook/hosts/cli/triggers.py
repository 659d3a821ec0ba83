"""`flowbook triggers`: what starts executions by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .commands import Commands, examples
from .completing import flow_ids, trigger_ids
from .output import listing, with_output

LAZY = {"backfill": ("backfills:backfill", "Run a schedule for dates of the past.")}


@click.group(
    cls=Commands,
    lazy=LAZY,
    aliases={"backfills": "backfill"},
    epilog=examples(
        "flowbook triggers list",
        "flowbook triggers disable demo.report",
        "flowbook triggers backfill demo.report --start 2026-01-01",
    ),
)
def triggers() -> None:
    """List triggers and when they fire next, switch them, run dates of the past."""


@triggers.command(
    "list", epilog=examples("flowbook triggers list", "flowbook triggers list --json")
)
@with_output
def list_(output: str) -> None:
    """List triggers, the next to fire first, then those that wait for executions."""
    from .workspace import existing, opened

    rows = []
    if existing():
        with opened() as ws:
            rows = [dict(each) for each in (*ws.schedules(), *ws.flow_triggers())]
    if output == "table":
        rows = [_with_backfill(row) for row in rows]
    columns = ["flow", "trigger", "type", "cron", "zone", "waits_for", "next", "last", "backfill"]
    columns = [
        name for name in (*columns, "disabled", "problem") if any(row.get(name) for row in rows)
    ]
    empty = "No trigger is deployed. A flow gets one with a triggers: list."
    listing(rows, columns, output, empty=empty)


def _with_backfill(row: dict[str, Any]) -> dict[str, Any]:
    from flowbook.triggers.zones import zone
    from flowbook.views.backfills import beside

    if row.get("backfill") is None:
        return row
    return {**row, "backfill": beside(row["backfill"], zone(row["zone"]))}


def naming(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take `NAMESPACE.ID [TRIGGER]`; the command gets `flow` and `trigger`."""
    named = click.argument("trigger", required=False, shell_complete=trigger_ids)(command)
    return click.argument("flow", metavar="NAMESPACE.ID", shell_complete=flow_ids)(named)


@triggers.command(
    epilog=examples(
        "flowbook triggers disable demo.report",
        "flowbook triggers disable demo.report mornings",
    )
)
@naming
def disable(flow: str, trigger: str | None) -> None:
    """Keep a trigger from firing until it is enabled; a backfill of it is dropped."""
    from .workspace import opened

    with opened() as ws:
        click.echo(f"{flow}.{ws.disable_trigger(flow, trigger)} is disabled.")


@triggers.command(epilog=examples("flowbook triggers enable demo.report"))
@naming
def enable(flow: str, trigger: str | None) -> None:
    """Let a trigger fire again; dates it missed follow its recoverMissedSchedules."""
    from .workspace import opened

    with opened() as ws:
        click.echo(f"{flow}.{ws.enable_trigger(flow, trigger)} is enabled.")


@triggers.command(epilog=examples("flowbook triggers unlock demo.report"))
@naming
def unlock(flow: str, trigger: str | None) -> None:
    """Let a schedule go on without waiting for its last execution, which goes on too."""
    from .workspace import opened

    with opened() as ws:
        click.echo(f"{flow}.{ws.unlock_trigger(flow, trigger)} waits no longer.")
