"""`flowbook notebooks`: what a notebook takes, and when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from . import given
from .commands import Commands, examples
from .output import listing, with_output

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=Commands)
def notebooks() -> None:
    """Show a notebook's parameters; schedule a notebook."""


@notebooks.command(epilog=examples("flowbook notebooks parameters report.ipynb"))
@click.argument("notebook", type=FILE)
@with_output
def parameters(notebook: Path, output: str) -> None:
    """Show what the cell tagged 'parameters' declares."""
    from flowbook.kernels.notebook import load
    from flowbook.kernels.parameters import declared

    found = declared(load(notebook).document)
    if found is None:
        raise click.ClickException(
            f"{notebook} has no cell tagged 'parameters': tag one in JupyterLab's property inspector"
        )
    rows = [
        {
            "name": each.name,
            "type": each.type or "any",
            "default": "(required)" if each.is_required else each.default,
            "comment": each.comment,
        }
        for each in found
    ]
    listing(rows, ["name", "type", "default", "comment"], output, empty="The cell is empty.")


@notebooks.command(
    epilog=examples(
        'flowbook notebooks schedule report.ipynb --cron "0 7 * * 1-5" '
        "--timezone Europe/Paris -i station=Seattle",
    )
)
@click.argument("notebook", type=FILE)
@click.option("--cron", required=True, help="When: minute hour day month weekday, or six fields.")
@click.option("--timezone", metavar="ZONE", help="Whose clock; default: this machine's.")
@click.option("-i", "--inputs", multiple=True, metavar="KEY=VALUE", help="A parameter's value.")
def schedule(notebook: Path, cron: str, timezone: str | None, inputs: tuple[str, ...]) -> None:
    """Write a flow that runs the notebook at these times, and deploy it."""
    from .workspace import opened

    with opened() as ws:
        flow = ws.schedule(str(notebook), cron, timezone=timezone, inputs=given.typed(inputs))
        click.echo(f"Scheduled {flow.namespace}.{flow.id} ({cron})")
        click.echo("It fires while a server runs: flowbook server, or JupyterLab.")
