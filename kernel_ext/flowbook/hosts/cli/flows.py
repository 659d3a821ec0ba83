"""`flowbook flows`: what the workspace knows to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import given
from .commands import Commands, examples
from .completing import flow_ids, namespaces
from .output import document, listing, with_output

if TYPE_CHECKING:
    from collections.abc import Mapping

LAZY = {
    "validate": ("checking:validate", "Check flows in files, all problems at once."),
    "deploy": ("checking:deploy", "Make flows in files known to the workspace."),
    "list": ("flows:list_", "List the deployed flows."),
    "run": ("running:run", "Run a flow, by id or from a file, and show it live."),
    "execute": ("running:execute", "The same, spelled --namespace NS --flow ID."),
    "get": ("flows:get", "Show the text of a deployed flow."),
    "revisions": ("revisions:revisions", "List the revisions of a flow."),
    "diff": ("revisions:diff", "Compare two revisions of a flow."),
    "restore": ("revisions:restore", "Bring an older revision back."),
    "export": ("flows:export", "Write deployed flows into files."),
    "schema": ("flows:schema", "Print the JSON Schema of the language, for editors."),
}


@click.group(
    cls=Commands,
    lazy=LAZY,
    aliases={"show": "get"},
    epilog=examples("flowbook flows validate flows/", "flowbook flows run demo.hello -i name=Ada"),
)
def flows() -> None:
    """Validate, deploy, list, run, show and export flows."""


@click.command(epilog=examples("flowbook flows list", "flowbook flows list -n shop --json"))
@click.option(
    "-n", "--namespace", shell_complete=namespaces, help="This namespace and those below."
)
@click.option("--labels", multiple=True, metavar="KEY=VALUE", help="Only flows with these labels.")
@click.option(
    "-q", "--query", metavar="TEXT", help="Only flows whose id or description holds TEXT."
)
@click.option("--drafts", is_flag=True, help="Also what was run without being deployed.")
@with_output
def list_(
    namespace: str | None, labels: tuple[str, ...], query: str | None, drafts: bool, output: str
) -> None:
    """List the deployed flows, their revision and triggers."""
    from .workspace import existing, opened

    rows: list[dict[str, Any]] = []
    if existing():
        with opened() as ws:
            rows = [row(flow) for flow in ws.flows(namespace) if drafts or not flow["draft"]]
    wanted = given.labels(labels).items()
    rows = [
        each
        for each in rows
        if all(each["labels"].get(key) == value for key, value in wanted)
        and (query or "").lower() in f"{each['id']} {each['description']}".lower()
    ]
    columns = ["namespace", "id", "revision", "disabled", "triggers", "description"]
    empty = "No flows are deployed here. Deploy some: flowbook flows deploy flows/"
    listing(rows, columns, output, empty=empty)


@click.command(
    epilog=examples("flowbook flows get demo.hello", "flowbook flows get demo.hello --form")
)
@click.argument("flow", metavar="NAMESPACE.ID", shell_complete=flow_ids)
@click.option("-r", "--revision", type=int, help="An older revision.")
@click.option("--form", "as_form", is_flag=True, help="The form of its inputs, a JSON Schema.")
@with_output
def get(flow: str, revision: int | None, as_form: bool, output: str) -> None:
    """Show the text of a flow, as it was written, or what it asks for."""
    from .workspace import opened

    with opened() as ws:
        found = ws.flow(flow, revision)
        if as_form:
            from flowbook.flows.form import form

            document(form(found), "json" if output == "table" else output)
            return
        if output == "table":
            click.echo(found.source.rstrip())
            return
        known = [each["revision"] for each in ws.revisions(flow)]
    value = {"namespace": found.namespace, "id": found.id, "revision": revision or known[0]}
    document({**value, "revisions": known, "source": found.source}, output)


@click.command(
    epilog=examples(
        "flowbook flows export backup/                 (backup/<namespace>/<id>.yaml)",
        "flowbook flows export . --namespace shop --zip (./flows.zip)",
    )
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "-n", "--namespace", shell_complete=namespaces, help="This namespace and those below."
)
@click.option("--zip", "as_zip", is_flag=True, help="One archive, flows.zip.")
def export(folder: Path, namespace: str | None, as_zip: bool) -> None:
    """Write the texts of deployed flows into files."""
    from .workspace import opened

    with opened() as ws:
        chosen = ws.flows(namespace)
    folder.mkdir(parents=True, exist_ok=True)
    if as_zip:
        import zipfile

        with zipfile.ZipFile(folder / "flows.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for flow in chosen:
                archive.writestr(f"{flow['namespace']}.{flow['id']}.yml", flow["source"])
        click.echo(f"{len(chosen)} flows in {folder / 'flows.zip'}")
        return
    for flow in chosen:
        target = folder / flow["namespace"] / f"{flow['id']}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(flow["source"])
    click.echo(f"{len(chosen)} flows in {folder}")


@click.command(
    epilog=examples(
        "flowbook flows schema > flow.schema.json", "flowbook flows schema --output yaml"
    )
)
@with_output
def schema(output: str) -> None:
    """Print the JSON Schema of the language, for editors."""
    from flowbook.flows.schema import schema as made

    document(made(), "json" if output == "table" else output)


def row(flow: Mapping[str, Any]) -> dict[str, Any]:
    """A flow of the history as one row."""
    return {
        "namespace": flow["namespace"],
        "id": flow["id"],
        "revision": flow["revision"],
        "disabled": bool(flow["disabled"]),
        "draft": bool(flow["draft"]),
        "triggers": _triggers(flow["source"] or ""),
        "labels": {label["key"]: label["value"] for label in flow["labels"] or []},
        "description": (flow["description"] or "").strip().partition("\n")[0],
    }


def _triggers(source: str) -> list[str]:
    """The ids of the triggers that a flow's text has."""
    if "triggers:" not in source:
        return []
    from flowbook.flows.source import load

    tree = load(source)[0].value
    triggers = tree.get("triggers") if isinstance(tree, dict) else None
    return [str(each.get("id")) for each in triggers or [] if isinstance(each, dict)]
