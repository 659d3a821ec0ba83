"""`flowbook server`: a Jupyter Server with flowbook alone, for schedules, REST and the stream."""

from __future__ import annotations

import click

from .commands import examples

NAMES = ("standalone", "local", "webserver", "executor", "worker", "scheduler", "indexer")
PARTS = ("executor", "worker", "scheduler", "indexer")


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "flowbook server",
        "flowbook server --port 9090 --ip 0.0.0.0",
        "flowbook server standalone               (the reference's spelling)",
    ),
)
@click.argument("kind", required=False, metavar="[standalone]")
@click.option("--port", default=8080, show_default=True, help="The port to answer on.")
@click.option("--ip", default="127.0.0.1", show_default=True, help="The address to answer on.")
@click.option("-f", "--flow-path", metavar="DIR", help="Deploy the flows of this folder first.")
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def server(
    kind: str | None, port: int, ip: str, flow_path: str | None, more: tuple[str, ...]
) -> None:
    """Start the server: schedules fire, REST and the stream answer, until Ctrl-C.

    It is a Jupyter Server that loads flowbook alone; its options (--ServerApp.…) may follow.
    """
    if kind is not None and kind not in NAMES:
        if not kind.startswith("-"):
            raise click.UsageError(f"No such server '{kind}'. Known are {', '.join(NAMES)}.")
        more = (kind, *more)
    if kind in PARTS:
        click.echo(f"flowbook has no separate {kind}: 'flowbook server standalone' runs all of it.")
        return
    from .workspace import existing, opened

    if flow_path:
        from .checking import deploy_all

        with opened() as ws:
            deploy_all(ws, [flow_path])
    from flowbook.hosts.server.app import main

    if not existing():
        click.echo("No workspace here yet; the first run or deploy makes one.", err=True)
    main([f"--port={port}", f"--ip={ip}", *more])
