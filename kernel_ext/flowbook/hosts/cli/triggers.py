"""`flowbook triggers`: what starts executions by itself."""

from __future__ import annotations

import click

from .commands import Commands, examples
from .output import listing, with_output


@click.group(cls=Commands)
def triggers() -> None:
    """List triggers and when they fire next."""


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
    columns = ["flow", "trigger", "type", "cron", "zone", "waits_for", "next", "last", "disabled"]
    columns = [name for name in (*columns, "problem") if any(row.get(name) for row in rows)]
    empty = "No trigger is deployed. A flow gets one with a triggers: list."
    listing(rows, columns, output, empty=empty)
