"""`flowbook executions why`: why a task ran, or didn't."""

from __future__ import annotations

import click

from .commands import examples
from .completing import execution_ids


@click.command(epilog=examples("flowbook executions why 3fK2… load"))
@click.argument("id", metavar="ID", shell_complete=execution_ids)
@click.argument("task", metavar="TASK")
def why(id: str, task: str) -> None:
    """Say in words why a task ran, or didn't: its conditions, attempts, cache, what stood before it."""
    from .workspace import opened

    with opened() as ws:
        click.echo(ws.why(id, task))
