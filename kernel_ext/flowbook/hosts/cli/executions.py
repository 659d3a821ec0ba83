"""`flowbook executions`: what ran, what runs, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from .chosen import filters, read
from .commands import Commands, examples
from .completing import execution_ids
from .output import document, listing, with_output

COLUMNS = ["id", "flow", "state", "start", "duration", "progress", "labels"]
LAZY = {
    "logs": ("logs:logs", "Show an execution's log, or follow it."),
    "why": ("explaining:why", "Say why a task ran, or didn't."),
    "eval": ("debugging:evaluate", "Give the value of an expression in an execution."),
    "diff": ("debugging:diff", "Say how an execution differs from another one."),
    "rerun": ("debugging:rerun", "Run one task again, with other properties if wanted."),
    "kill": ("control:kill", "End running executions, and what they have started."),
    "pause": ("control:pause", "Let running executions stop after the tasks that run now."),
    "resume": ("control:resume", "Let paused executions go on."),
    "restart": ("control:restart", "Run the tasks that failed again, in the same executions."),
    "attach": ("continuing:attach", "Open a failed notebook: a copy to edit, and its kernel."),
    "continue": ("continuing:continue_", "Go on with a failed notebook at a cell, in its kernel."),
    "apply": ("continuing:apply", "Write the fix of a continued notebook into its source."),
    "replay": ("control:replay", "Run them again as new executions."),
    "force-run": ("control:force_run", "Run executions that wait for a date, a slot or a resume."),
    "unqueue": ("control:unqueue", "Run executions that wait for a slot, above the limit."),
    "set-labels": ("control:set_labels", "Replace the labels of executions."),
    "change-status": ("control:change_status", "Give ended executions another end state."),
    "delete": ("control:delete", "Remove executions that have ended, for ever."),
}


@click.group(
    cls=Commands,
    lazy=LAZY,
    aliases={"show": "get", "eval-expression": "eval"},
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
@filters
@click.option("--limit", default=25, show_default=True, help="The newest, at most so many.")
@with_output
def list_(limit: int, output: str, **said: Any) -> None:
    """List executions, the newest first."""
    from .showing import execution_row
    from .workspace import existing, opened

    rows: list[dict[str, Any]] = []
    if existing():
        with opened() as ws:
            found = ws.executions(limit=limit, **read(**said))
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
