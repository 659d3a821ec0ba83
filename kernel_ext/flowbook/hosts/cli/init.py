"""`flowbook init`: make a workspace and trust it."""

from __future__ import annotations

from pathlib import Path

import click

from .commands import examples

FIRST = """id: hello
namespace: demo
inputs:
  - {id: name, type: STRING, defaults: world}
tasks:
  - id: greet
    type: io.kestra.plugin.core.log.Log
    message: "Hello {{ inputs.name }}"
"""


@click.command(epilog=examples("flowbook init", "flowbook init projects/weather"))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), required=False)
def init(folder: Path | None) -> None:
    """Make a workspace here (or in FOLDER) and trust it.

    Trusting says that the flows in its folder flows/ may be deployed and run on this machine. A
    workspace that is there already is only trusted.
    """
    import os

    from flowbook.workspace.place import Place, find
    from flowbook.workspace.trust import trust

    if folder is not None:
        place = Place(folder.resolve())
    else:
        place = find() if os.environ.get("FLOWBOOK_HOME") else Place(Path.cwd())
    existed = place.exists
    place.create()
    trust(place)
    click.echo(f"{'Trusted' if existed else 'Made'} the workspace {place.root}")
    first = place.flows / "hello.yaml"
    if not place.flows.exists():
        place.flows.mkdir()
        first.write_text(FIRST)
        click.echo(f"A first flow is in {_near(first)}. Run it: flowbook run {_near(first)}")
    else:
        click.echo("Deploy its flows: flowbook flows deploy flows/")


def _near(path: Path) -> str:
    """The path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
