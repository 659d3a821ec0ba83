"""Which executions a command is for: one by its id, or all that its options say."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from . import given
from .completing import execution_ids, flow_ids, namespaces

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
DATES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
SHOWN = 10
"""Executions that are listed before a person is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the command line says of the executions."""

    id: str | None
    filters: dict[str, Any] = field(default_factory=dict)
    yes: bool = False

    def one(self, ws: Workspace) -> Run | None:
        """The execution that an id names; `None` if there are filters instead."""
        return None if self.id is None else ws.execution(self.id)

    def many(self, ws: Workspace, action: str) -> list[Run]:
        """The executions that the filters mean, once a person has agreed. Raises `click.Abort`."""
        found = ws.matching(action, **self.filters)
        if not found:
            click.echo("No execution matches.")
            return []
        if not self.yes:
            _agree(found, action)
        return found


def _agree(found: list[Run], action: str) -> None:
    from flowbook.engine.bulk import ACTIONS

    for run in found[:SHOWN]:
        click.echo(f"  {run.id}  {run.flow}  {run.state}")
    if len(found) > SHOWN:
        click.echo(f"  … and {len(found) - SHOWN} more")
    question = f"{counted(len(found))} will be {ACTIONS[action].done}. Go on?"
    try:
        agreed = click.confirm(question)
    except click.Abort:
        click.echo("")
        raise click.UsageError("Nobody answered, so nothing was done; --yes answers.") from None
    if not agreed:
        click.echo("Nothing was done.")
        raise click.exceptions.Exit(1)


def counted(number: int) -> str:
    return "1 execution" if number == 1 else f"{number:,} executions"


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which executions; the command gets them by their names."""
    for option in (
        click.option("--until", type=DATES, help="Only created before."),
        click.option("--since", type=DATES, help="Not older."),
        click.option(
            "--labels", multiple=True, metavar="KEY=VALUE", help="Only with these labels."
        ),
        click.option(
            "-s",
            "--state",
            multiple=True,
            type=click.Choice(STATES, case_sensitive=False),
            help="Only in this state; may be repeated.",
        ),
        click.option(
            "-f", "--flow", metavar="ID", shell_complete=flow_ids, help="Only of this flow."
        ),
        click.option(
            "-n",
            "--namespace",
            shell_complete=namespaces,
            help="This namespace and those below.",
        ),
    ):
        command = option(command)
    return command


def read(
    *, namespace: Any, flow: Any, state: Any, labels: Any, since: Any, until: Any
) -> dict[str, Any]:
    """The filters as `ws.executions` and `ws.matching` take them; what isn't said is left out."""
    if flow and namespace and "." not in flow:
        flow, namespace = f"{namespace}.{flow}", None
    said = {
        "namespace": namespace,
        "flow": flow,
        "state": [each.upper() for each in state],
        "labels": given.labels(labels),
        "since": since.astimezone() if since else None,
        "until": until.astimezone() if until else None,
    }
    return {name: value for name, value in said.items() if value}


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Take `ID`, `--id ID`, or filters and `--yes`; the command gets `chosen`."""

    @click.argument("given_id", metavar="[ID]", required=False, shell_complete=execution_ids)
    @click.option("--id", "option_id", metavar="ID", help="The same, as an option.")
    @filters
    @click.option("-y", "--yes", is_flag=True, help="Don't ask before it is done to several.")
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        given_id: str | None,
        option_id: str | None,
        namespace: str | None,
        flow: str | None,
        state: tuple[str, ...],
        labels: tuple[str, ...],
        since: Any,
        until: Any,
        yes: bool,
        **more: Any,
    ) -> Any:
        id = option_id or given_id
        wanted = read(
            namespace=namespace, flow=flow, state=state, labels=labels, since=since, until=until
        )
        if id is None and not wanted:
            raise click.UsageError(
                "Which execution? Give its id, or say which: --state, --namespace, --flow, --labels, "
                "--since, --until. 'flowbook executions list' shows them."
            )
        if id is not None and wanted:
            raise click.UsageError(
                f"Either an id or filters, not both: {id}, --{next(iter(wanted))}"
            )
        return command(*args, chosen=Chosen(id=id, filters=wanted, yes=yes), **more)

    return wrapped
