"""`flowbook namespaces`: where flows live."""

from __future__ import annotations

from collections import Counter

import click

from .commands import Commands, examples
from .output import listing, with_output


@click.group(cls=Commands)
def namespaces() -> None:
    """List namespaces."""


@namespaces.command(
    "list", epilog=examples("flowbook namespaces list", "flowbook namespaces list --prefix shop")
)
@click.option("--prefix", metavar="TEXT", help="Only namespaces that begin so.")
@with_output
def list_(prefix: str | None, output: str) -> None:
    """List the namespaces that hold flows."""
    from .workspace import existing, opened

    every: Counter[str] = Counter()
    disabled: Counter[str] = Counter()
    if existing():
        with opened() as ws:
            for flow in ws.flows():
                every[flow["namespace"]] += 1
                disabled[flow["namespace"]] += bool(flow["disabled"])
    rows = [
        {"id": name, "flows": every[name], "disabled_flows": disabled[name]}
        for name in sorted(every)
        if name.startswith(prefix or "")
    ]
    listing(rows, ["id", "flows", "disabled_flows"], output, empty="No namespace holds a flow.")
