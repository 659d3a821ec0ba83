"""`flowbook kv`: the key-value store of a namespace."""

from __future__ import annotations

import click

from .commands import Commands, examples
from .completing import namespaces
from .output import document, listing, with_output

NAMESPACE = click.argument("namespace", shell_complete=namespaces)


@click.group(
    cls=Commands, epilog=examples("flowbook kv set shop rate 1.08", "flowbook kv get shop rate")
)
def kv() -> None:
    """Read and write the key-value store of a namespace."""


@kv.command("list")
@NAMESPACE
@with_output
def list_(namespace: str, output: str) -> None:
    """List the keys of a namespace."""
    from .workspace import opened

    with opened() as ws:
        rows = [{"key": key} for key in ws.kv(namespace)]
    listing(rows, ["key"], output, empty=f"{namespace} has no keys.")


@kv.command()
@NAMESPACE
@click.argument("key")
def get(namespace: str, key: str) -> None:
    """Print the value of a key, as JSON unless it is a text."""
    from .workspace import opened

    with opened() as ws:
        pairs = ws.kv(namespace)
        if key not in pairs:
            raise click.ClickException(f"{namespace} has no key '{key}'")
        value = pairs[key]
    if isinstance(value, str):
        click.echo(value)
    else:
        document(value, "json")


@kv.command("set")
@NAMESPACE
@click.argument("key")
@click.argument("value")
def set_(namespace: str, key: str, value: str) -> None:
    """Set a key; JSON is kept as what it says, anything else as text."""
    import json

    from .workspace import opened

    try:
        kept = json.loads(value)
    except ValueError:
        kept = value
    with opened() as ws:
        ws.kv(namespace).set(key, kept)


@kv.command()
@NAMESPACE
@click.argument("key")
def delete(namespace: str, key: str) -> None:
    """Delete a key."""
    from .workspace import opened

    with opened() as ws:
        try:
            del ws.kv(namespace)[key]
        except KeyError:
            raise click.ClickException(f"{namespace} has no key '{key}'") from None
