"""`flowbook plugins`: the types a flow can use, and their documentation."""

from __future__ import annotations

from pathlib import Path

import click

from .commands import Commands, examples
from .completing import types
from .output import document, listing, with_output

KINDS = ("task", "trigger", "condition", "runner", "input")


@click.group(
    cls=Commands,
    epilog=examples("flowbook plugins list --kind task", "flowbook plugins doc Download"),
)
def plugins() -> None:
    """List the types a flow can use, and show their documentation."""


@plugins.command("list", epilog=examples("flowbook plugins list", "flowbook plugins list -q http"))
@click.option("-k", "--kind", type=click.Choice(KINDS), help="Only parts of this kind.")
@click.option("-q", "--query", metavar="TEXT", help="Only types whose name or doc holds TEXT.")
@click.option("--core", is_flag=True, help="Only the types of the core.")
@with_output
def list_(kind: str | None, query: str | None, core: bool, output: str) -> None:
    """List every type with what it does."""
    from flowbook.language import plugins as parts

    rows = [
        {"type": each["type"], "kind": each["kind"], "what": each["title"]}
        for each in parts(kind)
        if not core or ".plugin.core." in each["type"]
    ]
    if query:
        wanted = query.lower()
        rows = [r for r in rows if wanted in f"{r['type']} {r['what']}".lower()]
    listing(rows, ["type", "kind", "what"], output, empty=f"No type matches {query!r}.")


@plugins.command(
    epilog=examples("flowbook plugins search http", "flowbook plugins search --query sql")
)
@click.argument("text", required=False)
@click.option("-q", "--query", metavar="TEXT", help="What to look for.")
@with_output
@click.pass_context
def search(context: click.Context, text: str | None, query: str | None, output: str) -> None:
    """Find types by name or doc."""
    context.invoke(list_, kind=None, query=text or query, core=False, output=output)


@plugins.command(
    epilog=examples(
        "flowbook plugins doc core.log.Log",
        "flowbook plugins doc Notebook --json",
        "flowbook plugins doc docs/types/        (a Markdown page for every type)",
    )
)
@click.argument("target", metavar="TYPE|DIR", shell_complete=types)
@click.option("-k", "--kind", type=click.Choice(KINDS), help="If several kinds share the name.")
@with_output
def doc(target: str, kind: str | None, output: str) -> None:
    """Show the page of a type: what it does, its properties, an example."""
    from flowbook.kinds.describe import describe, unknown

    found = describe(target, kind)
    if found is None and (target.endswith("/") or Path(target).is_dir()):
        click.echo(f"{_write_all(Path(target))} pages written to {Path(target)}")
        return
    if found is None:
        raise click.ClickException(unknown(target))
    if output != "table":
        document(found.to_json(), output)
        return
    from flowbook.views.pages import page

    text = page(found)
    if _is_terminal():
        from rich.markdown import Markdown

        from .output import console

        console().print(Markdown(text))
    else:
        click.echo(text)


@plugins.command("export-docs", epilog=examples("flowbook plugins export-docs docs/types"))
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def export_docs(folder: Path) -> None:
    """Write a Markdown page for every type, and an index of them."""
    click.echo(f"{_write_all(folder)} pages written to {folder}")


def _write_all(folder: Path) -> int:
    from flowbook.kinds.describe import describe, types_of
    from flowbook.views import pages

    parts = [part for kind, name in types_of() if (part := describe(name, kind)) is not None]
    texts = {pages.name(part): pages.page(part) for part in parts}
    for kind in pages.KINDS:
        shared = pages.shared_page(kind, [part for part in parts if part.kind == kind])
        if shared is not None:
            texts[pages.shared_name(kind)] = shared
    texts["index.md"] = pages.index_page(parts)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(f"{text}\n")
    return len(texts)


def _is_terminal() -> bool:
    import sys

    return sys.stdout.isatty()
