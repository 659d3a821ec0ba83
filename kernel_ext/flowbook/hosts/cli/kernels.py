"""`flowbook kernels`: the kernels that stand ready for notebooks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from .commands import Commands, examples
from .output import document, listing, with_output

if TYPE_CHECKING:
    from flowbook.kernels.warm import Warm


COLUMNS = ["id", "task", "execution", "notebook", "until", "memory"]


@click.group(
    cls=Commands,
    epilog=examples("flowbook kernels warm", "flowbook kernels list", "flowbook kernels end --all"),
)
def kernels() -> None:
    """Show, make ready and end the kernels that notebooks are given, and those parked by failed ones.

    They belong to a helper process of the workspace, which starts and ends by itself.
    """


@kernels.command("list")
@with_output
def list_(output: str) -> None:
    """Show what stands ready, what is lent, and what failed notebooks have parked."""
    found = asyncio.run(_warm().listed())
    nothing: dict[str, Any] = {"pid": None, "standbys": 0, "kernels": [], "parked": [], "pool": []}
    held: dict[str, Any] = dict(found or nothing)
    if output != "table":
        document(held, output)
    elif found is None:
        click.echo("No kernels stand ready. Make some ready: flowbook kernels warm")
    else:
        from flowbook.views.kernels import text

        click.echo(text(held))
        if held["parked"]:
            click.echo("\nParked:")
            listing([_row(one) for one in held["parked"]], COLUMNS, output, empty="")


def _row(parked: Mapping[str, Any]) -> dict[str, Any]:
    """A parked kernel as a person reads it."""
    until = datetime.fromisoformat(parked["until"]).astimezone()
    return {
        **{name: parked[name] for name in ("task", "notebook")},
        "id": parked["id"][:6],
        "execution": parked["execution"][:6],
        "until": f"{until:%H:%M}",
        "memory": f"{parked['memory'] / 2**20:.0f} MiB",
    }


@kernels.command()
def warm() -> None:
    """Make kernels ready, so that the next notebook starts at once."""
    import os

    from flowbook.kernels.environment import without_secrets

    ready = asyncio.run(_warm().warm(without_secrets(dict(os.environ))))
    if not ready:
        raise click.ClickException("None could be made ready here: notebooks start their own.")
    click.echo(f"{ready} ready")


@kernels.command(epilog=examples("flowbook kernels end 3fK2…", "flowbook kernels end --all"))
@click.argument("ids", metavar="[KERNEL]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All, those that are lent or ready too.")
def end(ids: tuple[str, ...], everything: bool) -> None:
    """End parked kernels: those named (their id, or its beginning), or everything with --all."""
    if everything:
        ended = asyncio.run(_warm().end())
        click.echo("Ended." if ended else "There was nothing to end.")
        return
    if not ids:
        raise click.UsageError("Which kernel? 'flowbook kernels list' shows them; --all ends all.")
    number = asyncio.run(_warm().end_named(ids))
    click.echo(f"{number} ended.")


def _warm() -> Warm:
    from flowbook.elected import Seat
    from flowbook.kernels.warm import Warm
    from flowbook.workspace.place import find

    return Warm(Seat(find().runtime, "kernels"))
