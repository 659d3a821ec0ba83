"""`flowbook kernels`: the kernels that stand ready for notebooks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from .commands import Commands, examples
from .output import document, with_output

if TYPE_CHECKING:
    from flowbook.kernels.warm import Warm


@click.group(cls=Commands, epilog=examples("flowbook kernels warm", "flowbook kernels list"))
def kernels() -> None:
    """Show, make ready and end the kernels that notebooks are given.

    They belong to a helper process of the workspace, which starts and ends by itself.
    """


@kernels.command("list")
@with_output
def list_(output: str) -> None:
    """Show what stands ready and what is lent."""
    found = asyncio.run(_warm().listed())
    held: dict[str, Any] = dict(found or {"pid": None, "standbys": 0, "kernels": []})
    if output != "table":
        document(held, output)
    elif found is None:
        click.echo("No kernels stand ready. Make some ready: flowbook kernels warm")
    else:
        click.echo(
            f"{held['standbys']} ready, {len(held['kernels'])} lent, by process {held['pid']}"
        )


@kernels.command()
def warm() -> None:
    """Make kernels ready, so that the next notebook starts at once."""
    import os

    from flowbook.kernels.environment import without_secrets

    ready = asyncio.run(_warm().warm(without_secrets(dict(os.environ))))
    if not ready:
        raise click.ClickException("None could be made ready here: notebooks start their own.")
    click.echo(f"{ready} ready")


@kernels.command()
def end() -> None:
    """End the helper process and all of its kernels, those that are lent too."""
    ended = asyncio.run(_warm().end())
    click.echo("Ended." if ended else "There was nothing to end.")


def _warm() -> Warm:
    from flowbook.elected import Seat
    from flowbook.kernels.warm import Warm
    from flowbook.workspace.place import find

    return Warm(Seat(find().runtime, "kernels"))
