"""`flowbook executions attach`, `continue`, `apply`: fix the failed cell and go on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .commands import examples
from .executions import with_id
from .output import document, with_output

if TYPE_CHECKING:
    from flowbook.api import Run, Workspace
    from flowbook.engine.continuing import Opened


def with_task(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("task", required=False)(command)


@click.command(
    epilog=examples("flowbook executions attach 3fK2…", "flowbook executions attach 3fK2… report")
)
@with_id
@with_task
@with_output
def attach(id: str, task: str | None, output: str) -> None:
    """Open a failed notebook: a copy to edit, and its kernel with every variable.

    TASK is the failed notebook's task, needed only where several failed.
    """
    from .workspace import opened

    with opened() as ws:
        run = ws.execution(id)
        found = ws.portal.call(ws.engine.continuing.open(run.id, task))
        if output != "table":
            document(_shown(run, found), output)
            return
        click.echo("\n".join(_lines(ws, run, found)))


def _shown(run: Run, found: Opened) -> dict[str, Any]:
    kernel = None
    if found.kernel is not None:
        kernel = {**found.kernel.row, "connection": str(found.kernel.file)}
    return {
        "execution": run.id,
        "task": found.task,
        "copy": str(found.path),
        "cell": found.cell,
        "kernel": kernel,
    }


def _lines(ws: Workspace, run: Run, found: Opened) -> list[str]:
    from flowbook.kernels.parked import why_gone

    if found.kernel is not None:
        until = found.kernel.until.astimezone()
        lines = [
            f"The kernel of '{found.task}' is parked until {until:%H:%M}, with every variable:",
            f"  jupyter console --existing {found.kernel.file}",
        ]
    else:
        why = ws.portal.call(why_gone(ws.engine.continuing.warm, found.task_run))
        lines = [f"'{found.task}' has no parked kernel" + (f": {why}" if why else "")]
    lines += ["Its notebook, to edit:", f"  {found.path}"]
    if found.cell is not None:
        lines += [
            "Then go on from the failed cell, or an earlier one:",
            f"  flowbook executions continue {run.id[:6]} --cell {found.cell}",
        ]
    return lines


@click.command(
    "continue",
    epilog=examples(
        "flowbook executions continue 3fK2… --cell 9",
        "flowbook executions continue 3fK2… report --cell 7 --yes",
    ),
)
@with_id
@with_task
@click.option("--cell", type=int, metavar="N", help="From this cell on; by default the failed one.")
@click.option("--yes", is_flag=True, help="Also if 'errors' or 'finally' tasks have run already.")
@with_output
@click.pass_context
def continue_(
    context: click.Context, id: str, task: str | None, cell: int | None, yes: bool, output: str
) -> None:
    """Go on with a failed notebook at a cell, in its parked kernel, and with the flow after it.

    The edits of its copy (see 'attach') are what runs; without any, the notebook as it is now.
    """
    from .running import ended, shown_from_here
    from .workspace import opened

    with opened() as ws:
        run = ws.execution(id)
        if cell is None:
            found = ws.portal.call(ws.engine.continuing.open(run.id, task))
            cell = found.cell or 1  # none failed: the restart says why it can't be
        _restart(ws, run, task, cell, yes)
        if output == "table":
            _show_edits(ws, run, task)
        shown_from_here(ws, run, output=output)
        context.exit(ended(ws, run, output))


def _restart(ws: Workspace, run: Run, task: str | None, cell: int, yes: bool) -> None:
    from flowbook.errors import Unconfirmed

    try:
        ws.restart(run.id, continue_from=cell, task=task, confirm=yes)
    except Unconfirmed as question:
        if not sys.stdin.isatty():
            raise click.ClickException(f"{question}\n--yes says yes to that.") from None
        click.confirm(f"{question}. Go on?", abort=True, err=True)
        ws.restart(run.id, continue_from=cell, task=task, confirm=True)


def _show_edits(ws: Workspace, run: Run, task: str | None) -> None:
    from flowbook.kernels.continued import diff

    if edits := ws.portal.call(ws.engine.continuing.edits(run.id, task)):
        click.echo(diff(edits, "notebook"))


@click.command(
    epilog=examples("flowbook executions apply 3fK2…", "flowbook executions apply 3fK2… report")
)
@with_id
@with_task
def apply(id: str, task: str | None) -> None:
    """Write the fix of a continued notebook into its source."""
    from .workspace import opened

    with opened() as ws:
        run = ws.execution(id)
        applied = ws.apply(run.id, task)
        click.echo(applied.diff)
        click.echo(f"Written to {applied.path}")
