"""What can be done about executions: one by its id, or all that filters say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from . import given
from .chosen import STATES, Chosen, choosing, counted
from .commands import examples
from .output import with_output

if TYPE_CHECKING:
    from flowbook.api import Run, Workspace

ENDS = ("SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED")
PATIENCE = 30.0
"""Seconds that the end of what was killed is waited for."""


@click.command(
    epilog=examples(
        "flowbook executions kill 3fK2…",
        "flowbook executions kill --state RUNNING --namespace shop --yes",
    )
)
@choosing
@click.option("--cascade/--no-cascade", default=True, help="Also what it has started.")
def kill(chosen: Chosen, cascade: bool) -> None:
    """End running executions, and what they have started."""
    from .workspace import opened

    with opened() as ws:
        if (run := chosen.one(ws)) is not None:
            ws.kill(run.id, cascade=cascade)
            run.wait(PATIENCE)
            click.echo(f"{run.id} is {ws.execution(run.id).state}")
            return
        runs = _done(ws, chosen, "kill", cascade=cascade)
        deadline = time.monotonic() + PATIENCE
        _until(lambda: all(each.state.is_terminal for each in runs) or time.monotonic() > deadline)


@click.command(epilog=examples("flowbook executions pause 3fK2…"))
@choosing
def pause(chosen: Chosen) -> None:
    """Let running executions stop after the tasks that run now."""
    _simply(chosen, "pause", lambda ws, run: ws.pause(run.id))


@click.command(
    epilog=examples(
        "flowbook executions resume 3fK2… -i approved=true",
        "flowbook executions resume --flow shop.orders --yes",
    )
)
@choosing
@click.option("-i", "--inputs", multiple=True, metavar="KEY=VALUE", help="What the pause asks for.")
@with_output
@click.pass_context
def resume(context: click.Context, chosen: Chosen, inputs: tuple[str, ...], output: str) -> None:
    """Let paused executions go on, and show one to its end."""
    values = given.inputs(inputs) or None

    def act(ws: Workspace, run: Run) -> Run:
        return ws.resume(run.id, values)

    context.exit(_go_on(chosen, "resume", output, act, inputs=values))


@click.command(
    epilog=examples(
        "flowbook executions restart 3fK2…",
        "flowbook executions restart --flow shop.orders --since 2026-11-20 --yes",
    )
)
@choosing
@click.option("-r", "--revision", type=int, help="With another revision of the flow.")
@with_output
@click.pass_context
def restart(context: click.Context, chosen: Chosen, revision: int | None, output: str) -> None:
    """Run the tasks that failed again, in the same executions."""

    def act(ws: Workspace, run: Run) -> Run:
        return ws.restart(run.id, revision=revision)

    context.exit(_go_on(chosen, "restart", output, act, revision=revision))


@click.command(
    epilog=examples(
        "flowbook executions replay 3fK2…",
        "flowbook executions replay 3fK2… -i day=2026-11-20",
        "flowbook executions replay --flow shop.orders --state FAILED --since 2026-11-20",
    )
)
@choosing
@click.option("--task-run", metavar="ID", help="From this task run on; else from the start.")
@click.option("-r", "--revision", type=int, help="With another revision of the flow.")
@click.option("-i", "--inputs", multiple=True, metavar="KEY=VALUE", help="Inputs that change.")
@with_output
@click.pass_context
def replay(
    context: click.Context,
    chosen: Chosen,
    task_run: str | None,
    revision: int | None,
    inputs: tuple[str, ...],
    output: str,
) -> None:
    """Run them again as new executions: all of one, or from a task run on."""
    options = {
        "task_run": task_run,
        "inputs": given.inputs(inputs) or None,
        "revision": revision,
    }

    def act(ws: Workspace, run: Run) -> Run:
        return ws.replay(run.id, **options)  # type: ignore[arg-type]  # each has its own type

    context.exit(_go_on(chosen, "replay", output, act, **options))


@click.command(
    "force-run", epilog=examples("flowbook executions force-run --state QUEUED --flow shop.orders")
)
@choosing
@with_output
@click.pass_context
def force_run(context: click.Context, chosen: Chosen, output: str) -> None:
    """Run executions that wait: for a date, for a slot, or to be resumed."""
    context.exit(_go_on(chosen, "force-run", output, lambda ws, run: ws.force_run(run.id)))


@click.command(epilog=examples("flowbook executions unqueue 3fK2…"))
@choosing
@with_output
@click.pass_context
def unqueue(context: click.Context, chosen: Chosen, output: str) -> None:
    """Run executions that wait for a slot, above the limit of their flow."""
    context.exit(_go_on(chosen, "unqueue", output, lambda ws, run: ws.unqueue(run.id)))


@click.command(
    epilog=examples(
        "flowbook executions delete 3fK2…",
        "flowbook executions delete --flow shop.orders --until 2026-01-01",
    )
)
@choosing
def delete(chosen: Chosen) -> None:
    """Remove executions that have ended, for ever: history, logs and files."""
    from .workspace import opened

    with opened() as ws:
        if (run := chosen.one(ws)) is None:
            _done(ws, chosen, "delete")
            return
        if not chosen.yes and not click.confirm(f"Delete {run.id} of {run.flow} for ever?"):
            click.echo("Nothing was done.")
            return
        ws.delete_execution(run.id)
        click.echo(f"{run.id} is deleted")


@click.command(
    "set-labels",
    epilog=examples(
        "flowbook executions set-labels 3fK2… --set checked=yes",
        "flowbook executions set-labels --flow shop.orders --set team=data --yes",
    ),
)
@choosing
@click.option(
    "--set",
    "wanted",
    multiple=True,
    required=True,
    metavar="KEY=VALUE",
    help="A label; all others but the system's go.",
)
def set_labels(chosen: Chosen, wanted: tuple[str, ...]) -> None:
    """Replace the labels of executions."""
    labels = given.labels(wanted)
    _simply(chosen, "labels", lambda ws, run: ws.set_labels(run.id, labels), to=labels)


@click.command(
    "change-status",
    epilog=examples(
        "flowbook executions change-status 3fK2… --status SUCCESS",
        "flowbook executions change-status 3fK2… --task-run load --status SUCCESS",
    ),
)
@choosing
@click.option(
    "--task-run", metavar="ID", help="Only this task run, or the newest of this task: it goes on."
)
@click.option(
    "--status",
    required=True,
    type=click.Choice([state for state in STATES if state in ENDS], case_sensitive=False),
    help="The end state they get.",
)
@click.pass_context
def change_status(
    context: click.Context, chosen: Chosen, status: str, task_run: str | None
) -> None:
    """Give executions that have ended another end state; nothing is run.

    With --task-run it is a task run's, and what has to follow is run.
    """

    def marked(ws: Workspace, run: Run) -> Run:
        ws.change_status(run.id, task_run, status)
        return ws.execution(run.id)

    if task_run is not None:
        if chosen.id is None:
            raise click.UsageError("--task-run is about one execution: name it by its id")
        context.exit(_go_on(chosen, "change-status", "table", marked))
    _simply(
        chosen,
        "change-status",
        lambda ws, run: ws.change_status(run.id, None, status),
        to=status,
    )


def _simply(
    chosen: Chosen, action: str, act: Callable[[Workspace, Run], object], **options: Any
) -> None:
    """Do something that is done at once."""
    from .workspace import opened

    with opened() as ws:
        if (run := chosen.one(ws)) is None:
            _done(ws, chosen, action, **options)
            return
        act(ws, run)
        click.echo(f"{run.id} is {ws.execution(run.id).state}")


def _go_on(
    chosen: Chosen,
    action: str,
    output: str,
    act: Callable[[Workspace, Run], Run],
    **options: Any,
) -> int:
    """Do something that makes executions run, and stay until they end; the exit code."""
    from .running import ended, shown_from_here
    from .workspace import opened

    with opened() as ws:
        if (run := chosen.one(ws)) is None:
            said = {name: value for name, value in options.items() if value is not None}
            return _all_ended(_done(ws, chosen, action, **said), output)
        run = act(ws, run)
        shown_from_here(ws, run, output=output)
        return ended(ws, run, output)


def _done(ws: Workspace, chosen: Chosen, action: str, **options: Any) -> list[Run]:
    """Do something to all that the filters say, and tell how many; the executions that came of it."""
    from flowbook.engine.bulk import ACTIONS

    found = chosen.many(ws, action)
    if not found:
        return []
    done = ws.bulk(action, found, **options)
    click.echo(f"{counted(len(done.ids))} {ACTIONS[action].done}", err=True)
    for execution_id, reason in done.refused.items():
        click.echo(f"  {execution_id}: {reason}", err=True)
    return [] if action == "delete" else [ws.execution(execution_id) for execution_id in done.ids]


def _all_ended(runs: list[Run], output: str) -> int:
    """Wait until every run has ended or waits for somebody, and list them; the exit code."""
    from .output import listing
    from .showing import execution_row

    still = {"PAUSED", "QUEUED"}
    _until(lambda: all(run.state.is_terminal or str(run.state) in still for run in runs))
    rows = [execution_row(run.last) for run in runs]
    listing(rows, ["id", "flow", "state", "start", "duration"], output, empty="")
    return 0 if all(row["state"] in ("SUCCESS", "WARNING", *still) for row in rows) else 1


def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.1)
