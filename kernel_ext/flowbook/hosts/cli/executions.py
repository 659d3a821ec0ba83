"""`flowbook executions`: what ran, what runs, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from . import given
from .commands import Commands, examples
from .completing import execution_ids, flow_ids, namespaces
from .output import document, listing, with_output

if TYPE_CHECKING:
    from flowbook.api import Run, Workspace

STATES = [
    "CREATED",
    "QUEUED",
    "RUNNING",
    "PAUSED",
    "RETRYING",
    "RESTARTED",
    "KILLING",
    "SUCCESS",
    "WARNING",
    "FAILED",
    "KILLED",
    "CANCELLED",
    "RETRIED",
    "SKIPPED",
]
COLUMNS = ["id", "flow", "state", "start", "duration", "progress", "labels"]


@click.group(
    cls=Commands,
    lazy={"logs": ("logs:logs", "Show an execution's log, or follow it.")},
    aliases={"show": "get"},
    epilog=examples(
        "flowbook executions list --state FAILED",
        "flowbook executions get 3fK2…",
        "flowbook executions logs 3fK2… --follow",
    ),
)
def executions() -> None:
    """List executions, follow logs, kill, restart, replay.

    An id may be cut short as long as one execution only begins so.
    """


def with_id(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take an execution's id as `ID` or as `--id ID`; the command gets `id`."""
    import functools

    @click.argument("given_id", metavar="ID", required=False, shell_complete=execution_ids)
    @click.option("--id", "option_id", metavar="ID", help="The same, as an option.")
    @functools.wraps(command)
    def wrapped(*args: Any, given_id: str | None, option_id: str | None, **more: Any) -> Any:
        id = option_id or given_id
        if id is None:
            raise click.UsageError(
                "Which execution? Give its id; 'flowbook executions list' shows them."
            )
        return command(*args, id=id, **more)

    return wrapped


@executions.command(
    "list",
    epilog=examples(
        "flowbook executions list",
        "flowbook executions list --flow demo.hello --state FAILED --state KILLED --limit 5",
        "flowbook executions list --since 2026-11-01 --labels team=data --json",
    ),
)
@click.option(
    "-n", "--namespace", shell_complete=namespaces, help="This namespace and those below."
)
@click.option("-f", "--flow", metavar="ID", shell_complete=flow_ids, help="Only of this flow.")
@click.option(
    "-s",
    "--state",
    multiple=True,
    type=click.Choice(STATES, case_sensitive=False),
    help="Only in this state; may be repeated.",
)
@click.option("--labels", multiple=True, metavar="KEY=VALUE", help="Only with these labels.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Not older.")
@click.option("--limit", default=25, show_default=True, help="The newest, at most so many.")
@with_output
def list_(
    namespace: str | None,
    flow: str | None,
    state: tuple[str, ...],
    labels: tuple[str, ...],
    since: Any,
    limit: int,
    output: str,
) -> None:
    """List executions, the newest first."""
    from .showing import execution_row
    from .workspace import existing, opened

    rows: list[dict[str, Any]] = []
    if flow and namespace and "." not in flow:
        flow = f"{namespace}.{flow}"
    if existing():
        with opened() as ws:
            found = ws.executions(
                namespace=namespace,
                flow=flow,
                state=[each.upper() for each in state] or None,
                labels=given.labels(labels) or None,
                since=since.astimezone() if since else None,
                limit=limit,
            )
            rows = [execution_row(run) for run in found]
    if output == "table":
        rows = [{**row, "labels": _of_people(row["labels"])} for row in rows]
    columns = [name for name in COLUMNS if name != "progress" or any(row[name] for row in rows)]
    listing(rows, columns, output, empty="No execution matches.")


@executions.command(
    epilog=examples("flowbook executions get 3fK2…", "flowbook executions get --id 3fK2… --json")
)
@with_id
@with_output
def get(id: str, output: str) -> None:
    """Show an execution: state, tree of tasks, failure, outputs."""
    from .showing import execution_document, print_page
    from .workspace import opened

    with opened() as ws:
        run = ws.execution(id)
        if output == "table":
            print_page(ws, run)
        else:
            document(execution_document(run), output)


def _of_people(labels: Mapping[str, str]) -> dict[str, str]:
    """Without what flowbook itself notes."""
    return {key: value for key, value in labels.items() if not key.startswith("system.")}


@executions.command(epilog=examples("flowbook executions kill 3fK2…"))
@with_id
@click.option("--cascade/--no-cascade", default=True, help="Also what it has started.")
def kill(id: str, cascade: bool) -> None:
    """End a running execution, and what it has started."""
    from .workspace import opened

    with opened() as ws:
        run = ws.execution(id)
        ws.kill(run.id, cascade=cascade)
        run.wait(30)
        click.echo(f"{run.id} is {ws.execution(run.id).state}")


@executions.command(epilog=examples("flowbook executions pause 3fK2…"))
@with_id
def pause(id: str) -> None:
    """Let a running execution stop after the tasks that run now."""
    from .workspace import opened

    with opened() as ws:
        run = ws.execution(id)
        ws.pause(run.id)
        click.echo(f"{run.id} is {ws.execution(run.id).state}")


@executions.command(epilog=examples("flowbook executions resume 3fK2… -i approved=true"))
@with_id
@click.option("-i", "--inputs", multiple=True, metavar="KEY=VALUE", help="What the pause asks for.")
@with_output
@click.pass_context
def resume(context: click.Context, id: str, inputs: tuple[str, ...], output: str) -> None:
    """Let a paused execution go on, and show it to its end."""

    def act(ws: Workspace, run: Run) -> Run:
        ws.resume(run.id, given.inputs(inputs) or None)
        return run

    context.exit(_go_on(id, output, act))


@executions.command(epilog=examples("flowbook executions restart 3fK2…"))
@with_id
@click.option("-r", "--revision", type=int, help="With another revision of the flow.")
@with_output
@click.pass_context
def restart(context: click.Context, id: str, revision: int | None, output: str) -> None:
    """Run the tasks that failed or were killed again, in the same execution."""

    def act(ws: Workspace, run: Run) -> Run:
        return ws.restart(run.id, revision=revision) or run

    context.exit(_go_on(id, output, act))


@executions.command(
    epilog=examples(
        "flowbook executions replay 3fK2…", "flowbook executions replay 3fK2… -i day=2026-11-20"
    )
)
@with_id
@click.option("--task-run", metavar="ID", help="From this task run on; else from the start.")
@click.option("-r", "--revision", type=int, help="With another revision of the flow.")
@click.option("-i", "--inputs", multiple=True, metavar="KEY=VALUE", help="Other inputs.")
@with_output
@click.pass_context
def replay(
    context: click.Context,
    id: str,
    task_run: str | None,
    revision: int | None,
    inputs: tuple[str, ...],
    output: str,
) -> None:
    """Run it again as a new execution: all of it, or from a task run on."""

    def act(ws: Workspace, run: Run) -> Run:
        changed = given.inputs(inputs) or None
        return ws.replay(run.id, task_run=task_run, inputs=changed, revision=revision)

    context.exit(_go_on(id, output, act))


def _go_on(id: str, output: str, act: Callable[[Workspace, Run], Run]) -> int:
    """Do something about an execution and show what comes of it; the exit code."""
    from .running import ended, shown_from_here
    from .workspace import opened

    with opened() as ws:
        run = act(ws, ws.execution(id))
        shown_from_here(ws, run, output=output)
        return ended(ws, run, output)
