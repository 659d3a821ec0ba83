"""`flowbook flows validate` and `flows deploy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .commands import examples
from .files import Checked, checked
from .output import document, with_output

if TYPE_CHECKING:
    from flowbook.api import Workspace


@click.command(
    epilog=examples(
        "flowbook flows validate flows/",
        "flowbook flows validate etl.yaml report.yaml --json",
    )
)
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True)
@click.option("--local", is_flag=True, help="Always so: nothing but the files is read.")
@with_output
@click.pass_context
def validate(context: click.Context, paths: tuple[str, ...], local: bool, output: str) -> None:
    """Check flows in files; all problems at once, each with its place and a way out.

    Ends with 1 if a flow has errors. Warnings are shown and don't count.
    """
    results = list(checked(paths))
    if output != "table":
        document([_row(each) for each in results], output)
    else:
        for each in results:
            _say(each)
        _sum(results)
    context.exit(0 if all(each.is_valid for each in results) else 1)


@click.command(epilog=examples("flowbook flows deploy flows/", "flowbook flows deploy etl.yaml"))
@click.argument("paths", metavar="FILE|DIR...", nargs=-1, required=True)
@with_output
@click.pass_context
def deploy(context: click.Context, paths: tuple[str, ...], output: str) -> None:
    """Check flows in files and make them known to the workspace: they can be run by id, and fire.

    A flow that didn't change gets no new revision; nothing is deleted. If one flow has errors, none
    is deployed. Deploying trusts the workspace.
    """
    results = list(checked(paths))
    if any(not each.is_valid for each in results):
        for each in results:
            if not each.is_valid:
                _say(each)
        click.echo("Nothing was deployed.", err=True)
        context.exit(1)
    from .workspace import opened

    with opened() as ws:
        rows = deploy_all(ws, paths)
    if output != "table":
        document(rows, output)
        return
    for row in rows:
        click.echo(f"✓ - {row['namespace']}.{row['id']}  revision {row['revision']}")
    if not rows:
        click.echo("No flows there.")


def deploy_all(ws: Workspace, paths: Sequence[str]) -> list[dict[str, Any]]:
    """Deploy every flow of the files; their rows."""
    rows = []
    for each in checked(paths):
        if each.flow is not None:
            ws.deploy(each.flow)
            revision = ws.revisions(each.flow.uid)[0]["revision"]
            rows.append(
                {
                    "namespace": each.flow.namespace,
                    "id": each.flow.id,
                    "revision": revision,
                    "path": each.path,
                }
            )
    return rows


def _say(each: Checked) -> None:
    if each.flow is None:
        click.echo(f"✘ - {each.path}")
        click.echo(each.report())
        return
    draft = " (a draft: it can be drawn, not run)" if each.flow.is_draft else ""
    click.echo(f"✓ - {each.flow.uid}{draft}")
    if each.problems:
        from flowbook.problems import show

        for problem in each.problems:
            sign = "ℹ" if problem.severity == "info" else "⚠"
            click.echo(f"  {sign} - {show(problem, name=each.path)}")


def _sum(results: Sequence[Checked]) -> None:
    bad = sum(not each.is_valid for each in results)
    if not results:
        click.echo("No flows there.")
    elif len(results) > 1:
        said = (
            f"{bad} of {len(results)} have errors." if bad else f"{len(results)} flows, all valid."
        )
        click.echo(said)


def _row(each: Checked) -> dict[str, Any]:
    return {
        "path": each.path,
        "flow": each.flow.uid if each.flow else None,
        "valid": each.is_valid,
        "problems": [
            {
                "severity": str(problem.severity),
                "message": problem.message,
                "line": problem.line,
                "column": problem.column,
                "hint": problem.hint,
                "path": problem.path,
            }
            for problem in each.problems
        ],
    }
