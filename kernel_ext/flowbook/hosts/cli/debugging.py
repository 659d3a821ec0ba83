"""`flowbook executions eval`, `diff`, `rerun`: looking into an execution, trying one of its tasks again."""

from __future__ import annotations

import json

import click

from . import given
from .commands import examples
from .completing import execution_ids
from .output import document, with_output


@click.command(
    "eval",
    epilog=examples(
        "flowbook executions eval 3fK2… outputs.load.rows",
        "flowbook executions eval 3fK2… 'inputs.day ~ \" \" ~ flow.id'",
        "flowbook executions eval 3fK2… taskrun.value --task load",
    ),
)
@click.argument("id", metavar="ID", shell_complete=execution_ids)
@click.argument("expression", metavar="EXPRESSION")
@click.option("-t", "--task", metavar="TASK", help="At the place of this task, or task run.")
def evaluate(id: str, expression: str, task: str | None) -> None:
    """Give the value of an expression in an execution, with or without {{ }} around it.

    A text is printed as it is, everything else as JSON. Secrets are masked.
    """
    from .workspace import opened

    with opened() as ws:
        value = ws.execution(id).eval(expression, task=task)
    click.echo(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2))


@click.command(
    epilog=examples(
        "flowbook executions diff 3fK2…          (against the flow's last good one before it)",
        "flowbook executions diff 3fK2… 9xYz…    (against another one)",
    )
)
@click.argument("id", metavar="ID", shell_complete=execution_ids)
@click.argument("other", metavar="[OTHER]", required=False, shell_complete=execution_ids)
@with_output
def diff(id: str, other: str | None, output: str) -> None:
    """Say how an execution differs from another one: text of the flow, inputs, states, times, outputs."""
    from .workspace import opened

    with opened() as ws:
        found = ws.diff(id, other)
    if output != "table":
        document(found.to_json(), output)
        return
    for line in str(found).splitlines():
        click.secho(line, fg={"+": "green", "-": "red"}.get(line.lstrip()[:1]))


@click.command(
    epilog=examples(
        "flowbook executions rerun 3fK2… load",
        "flowbook executions rerun 3fK2… load -p timeout=PT5M -p 'url=https://example.org'",
    )
)
@click.argument("id", metavar="ID", shell_complete=execution_ids)
@click.argument("task", metavar="TASK")
@click.option(
    "-p",
    "--property",
    "properties",
    multiple=True,
    metavar="NAME=VALUE",
    help="A property of the task for this run only; VALUE is JSON or text.",
)
@with_output
@click.pass_context
def rerun(
    context: click.Context, id: str, task: str, properties: tuple[str, ...], output: str
) -> None:
    """Run one task of an execution again, as a new execution on the same inputs and outputs."""
    from .running import ended, shown_from_here
    from .workspace import opened

    wanted = given.properties(properties)
    with opened() as ws:
        run = ws.rerun(id, task, **wanted)
        shown_from_here(ws, run, output=output)
        context.exit(ended(ws, run, output))
