"""`flowbook flows revisions`, `diff`, `restore`: what a flow said before."""

from __future__ import annotations

import click

from .commands import examples
from .completing import flow_ids
from .output import listing, with_output


@click.command(epilog=examples("flowbook flows revisions demo.hello"))
@click.argument("flow", metavar="NAMESPACE.ID", shell_complete=flow_ids)
@with_output
def revisions(flow: str, output: str) -> None:
    """List the revisions of a flow, the newest first."""
    from .workspace import opened

    with opened() as ws:
        rows = [
            {
                "revision": row["revision"],
                "draft": bool(row["draft"]),
                "created": row["created_at"],
                "lines": len(str(row["source"]).splitlines()),
            }
            for row in ws.revisions(flow)
        ]
    listing(rows, ["revision", "draft", "created", "lines"], output, empty="")


@click.command(
    epilog=examples(
        "flowbook flows diff demo.hello             (the newest against the one before)",
        "flowbook flows diff demo.hello 3           (the newest against revision 3)",
        "flowbook flows diff demo.hello 1 2",
    )
)
@click.argument("flow", metavar="NAMESPACE.ID", shell_complete=flow_ids)
@click.argument("old", type=int, required=False)
@click.argument("new", type=int, required=False)
def diff(flow: str, old: int | None, new: int | None) -> None:
    """Compare two revisions of a flow."""
    from .workspace import opened

    with opened() as ws:
        text = ws.compare(flow, old, new)
    if not text:
        click.echo("Nothing differs.")
    for line in text.splitlines():
        click.secho(line, fg=_colour(line))


def _colour(line: str) -> str | None:
    if line.startswith(("+++", "---")):
        return None
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])


@click.command(epilog=examples("flowbook flows restore demo.hello 3"))
@click.argument("flow", metavar="NAMESPACE.ID", shell_complete=flow_ids)
@click.argument("revision", type=int)
def restore(flow: str, revision: int) -> None:
    """Make an older revision's text the newest one; a flow with a file is saved there."""
    from .workspace import opened

    with opened() as ws:
        ws.restore(flow, revision)
        newest = ws.revisions(flow)[0]["revision"]
    click.echo(f"Revision {revision} of {flow} is back, as revision {newest}")
