"""`flowbook run`: an execution from its start to its end, shown live."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import given
from .commands import examples
from .completing import flow_ids, namespaces
from .output import with_output

if TYPE_CHECKING:
    from flowbook.api import Run, Workspace
    from flowbook.flows.model import Flow
    from flowbook.views.run import RunView

PATIENCE = 2.0
"""Seconds within which a second Ctrl-C stops waiting for the end of a kill."""


def _options(command: Any) -> Any:
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Print only how it ended."),
        click.option("--logs/--no-logs", default=None, help="Show log lines while it runs."),
        click.option("--wait/--no-wait", default=True, hidden=True),
        click.option("--follow", is_flag=True, hidden=True),
        click.option("--timeout", type=float, metavar="SECONDS", help="Kill it after so long."),
        click.option("--labels", multiple=True, metavar="KEY=VALUE", help="Labels it carries."),
        click.option("--to", metavar="TASK", help="End with this task."),
        click.option("--from", "from_", metavar="TASK", help="Begin with this task."),
        click.option(
            "--only", multiple=True, metavar="TASK", help="Run this task alone; may be repeated."
        ),
        click.option("-r", "--revision", type=int, help="An older revision of the flow."),
        click.option("--inputs-file", metavar="FILE", help="Inputs in YAML or JSON."),
        click.option(
            "-i",
            "--inputs",
            multiple=True,
            metavar="KEY=VALUE|FILE",
            help="An input's value (KEY=@FILE: a file), or a file of YAML or JSON with several.",
        ),
    ):
        command = option(command)
    return command


class Running(click.Command):
    """A command whose inputs need `-i`: it says so of one without."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(context, args)
        except click.UsageError as error:
            bare = re.search(r"extra arguments? \((\w[\w.-]*=.*)\)$", error.message)
            if bare is None:
                raise
            said = f"{error.message}. An input is given with -i: -i {bare[1]}"
            raise click.UsageError(said, context) from None


@click.command(
    cls=Running,
    epilog=examples(
        "flowbook run demo.hello -i name=Ada -i day=2026-11-21",
        "flowbook run flows/etl.yaml --inputs inputs.yaml -i data=@sales.csv",
        "flowbook run demo.hello --json | jq .outputs",
    ),
)
@click.argument("flow", metavar="NAMESPACE.ID|FILE", shell_complete=flow_ids)
@_options
@with_output
@click.pass_context
def run(context: click.Context, /, flow: str, **options: Any) -> None:
    """Run a flow and show it live: a tree in a terminal, plain lines elsewhere.

    A file is run as it is, without deploying it. Of --only, --from and --to, outputs of the tasks left
    out are those of the flow's last good execution. Ctrl-C kills the execution. Ends with 1 if the
    execution fails or is killed.
    """
    context.exit(carry_out(_source(flow), **options))


@click.command(epilog=examples("flowbook flows execute --namespace demo --flow hello"))
@click.option("-n", "--namespace", required=True, shell_complete=namespaces, help="Its namespace.")
@click.option("-f", "--flow", "flow_id", required=True, help="Its id.")
@_options
@with_output
@click.pass_context
def execute(context: click.Context, /, namespace: str, flow_id: str, **options: Any) -> None:
    """Run a deployed flow: the same as 'flows run NAMESPACE.ID'."""
    context.exit(carry_out(f"{namespace}.{flow_id}", **options))


def carry_out(
    flow: str | Flow,
    *,
    inputs: tuple[str, ...] = (),
    inputs_file: str | None = None,
    labels: tuple[str, ...] = (),
    output: str = "table",
    timeout: float | None = None,
    quiet: bool = False,
    logs: bool | None = None,
    wait: bool = True,
    follow: bool = False,
    revision: int | None = None,
    only: tuple[str, ...] = (),
    from_: str | None = None,
    to: str | None = None,
) -> int:
    """Run a flow, or a part of it, to its end; the exit code."""
    if revision is not None and not isinstance(flow, str):
        raise click.UsageError("A file has no revisions: name the deployed flow, as NAMESPACE.ID")
    values, marks = given.inputs(inputs, inputs_file), given.labels(labels)
    from .workspace import opened

    with opened() as ws:
        started = ws.run(
            flow,
            values,
            marks,
            wait=False,
            revision=revision,
            only=only or None,
            from_=from_,
            to=to,
        )
        shown_from_here(ws, started, output=output, timeout=timeout, quiet=quiet, logs=logs)
        return ended(ws, started, output, quiet=quiet)


def shown_from_here(
    ws: Workspace,
    run: Run,
    *,
    output: str = "table",
    timeout: float | None = None,
    quiet: bool = False,
    logs: bool | None = None,
) -> None:
    """Show a run until it is over. Ctrl-C kills it; a second one stops waiting."""
    from .live import face, follow
    from .output import console

    aim = console(err=output != "table")
    logs = (not aim.is_terminal) if logs is None else logs
    interrupted = None
    with face(aim, quiet=quiet) as shown:
        lines = NewLines(run) if logs and not quiet else None
        while True:
            try:
                follow(_until(ws, run, timeout), shown, lines or (lambda: ()))
                break
            except KeyboardInterrupt:
                now = time.monotonic()
                if interrupted is not None and now - interrupted < PATIENCE:
                    raise
                interrupted = now
                _kill(ws, run)


class NewLines:
    """The lines of a run's log, and of what takes its place, that were not there at the last call."""

    def __init__(self, run: Run, **filters: str | None) -> None:
        self.run = run
        self.filters = filters
        self.since = 0

    def __call__(self) -> list[dict[str, Any]]:
        later = self.run.last
        lines = self.run.logs(**self.filters)[self.since :]
        self.since += len(lines)
        if later.id == self.run.id:
            return lines
        self.run, self.since = later, 0
        return [*lines, *self()]


def _until(ws: Workspace, run: Run, timeout: float | None) -> Iterator[RunView]:
    """The run's views, to its end or to a pause without one; killed after `timeout` seconds.

    What runs when somebody pauses it is finished: leaving would end it.
    """
    begun = time.monotonic()
    late = False
    for view in run.watch(interval=0.1):
        if timeout is not None and not late and time.monotonic() - begun > timeout:
            late = True
            _kill(ws, run)
        yield view
        if view.state == "paused" and waits_for_somebody(ws, run.last):
            return


def waits_for_somebody(ws: Workspace, run: Run) -> bool:
    """Whether a paused run goes on only when a person says so."""
    runs = run.task_runs
    if any(str(each.state) == "RUNNING" and each.attempts for each in runs):
        return False
    paused = [each for each in runs if str(each.state) == "PAUSED"]
    flow = ws.flow(run.flow, run.revision)
    tasks = [flow.task(each.task_id) for each in paused]
    timed = ("pause_duration", "timeout", "interval")
    return not any(getattr(task, name, None) for task in tasks for name in timed)


def _kill(ws: Workspace, run: Run) -> None:
    from flowbook.errors import Conflict

    try:
        ws.kill(run.last.id)
    except Conflict:
        pass  # it ended meanwhile


def ended(ws: Workspace, run: Run, output: str, *, quiet: bool = False) -> int:
    """Say how a run ended; the exit code."""
    from .showing import execution_document, print_end

    run = ws.execution(run.last.id)
    if output != "table":
        from .output import document

        document(execution_document(run), output)
    else:
        print_end(ws, run, quiet=quiet)
    return 0 if str(run.state) in ("SUCCESS", "WARNING") else 1


def _source(flow: str) -> str | Flow:
    """The flow in a file if there is one of that name, else the id of a deployed flow."""
    path = Path(flow)
    if path.is_file():
        return _of_file(flow)
    if path.suffix in (".yaml", ".yml") or "/" in flow:
        raise click.BadParameter(f"There is no file {flow}", param_hint="NAMESPACE.ID|FILE")
    if flow.endswith(".ipynb"):
        raise click.BadParameter(
            f"{flow} is a notebook: a flow runs it with a flowbook.jupyter.Notebook task",
            param_hint="NAMESPACE.ID|FILE",
        )
    return flow


def _of_file(name: str) -> Flow:
    """The flow of a file; its problems are said before it runs, and errors end the command."""
    from .files import checked

    found = list(checked([name]))
    for each in found:
        if each.problems:
            click.echo(each.report(), err=True)
    if len(found) != 1:
        raise click.ClickException(
            f"{name} holds {len(found)} flows: deploy it, and run one by its id"
        )
    if (flow := found[0].flow) is None:
        raise click.exceptions.Exit(1)
    return flow
