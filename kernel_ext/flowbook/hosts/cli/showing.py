"""One execution on a page: how it stands, its tree, its failure, its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from .output import console, jsonable, put, said

if TYPE_CHECKING:
    from flowbook.api import Run, Workspace
    from flowbook.views.run import RunView

PLAIN = ("TaskFailed", "ExpressionError")
"""Kinds of errors whose message says it all."""
WIDE = 200
"""Characters shown of one output."""


def execution_row(run: Run) -> dict[str, Any]:
    """An execution as one row of a list."""
    return {
        "id": run.id,
        "flow": run.flow,
        "state": str(run.state),
        "start": run.start,
        "duration": run.duration,
        "progress": str(run.progress or "") or None,
        "labels": dict(run.labels),
    }


def execution_document(run: Run) -> dict[str, Any]:
    """An execution with all that programs want of it."""
    return {
        **execution_row(run),
        "end": run.end,
        "inputs": run.inputs,
        "outputs": run.outputs,
        "error": run.error,
        "taskRuns": [
            {
                "id": each.id,
                "taskId": each.task_id,
                "value": each.value,
                "parentId": each.parent_id,
                "state": str(each.state),
                "outputs": each.outputs,
                "error": each.error,
            }
            for each in run.task_runs
        ],
    }


def print_end(ws: Workspace, run: Run, *, quiet: bool = False) -> None:
    """How an execution ended: what a person wants to know after having watched it."""
    view = ws.view(run.id)
    aim = console()
    if quiet or not aim.is_terminal:
        from flowbook.views.text import head

        click.echo(head(view))
    print_failure(view)
    if not quiet:
        print_outputs(run)
    click.echo(f"Execution {run.id}")
    if str(run.state) == "FAILED":
        for parked in (one for one in ws.kernels() if one["execution"] == run.id):
            how = f"flowbook executions attach {run.id[:6]} {parked['task']}"
            click.echo(f"The kernel of '{parked['task']}' is kept, with its variables: {how}")
    if str(run.state) == "PAUSED":
        click.echo(f"It is paused. Go on with: flowbook executions resume {run.id}")


def print_page(ws: Workspace, run: Run) -> None:
    """The whole page: `executions get`."""
    from .live import picture

    view = ws.view(run.id)
    put(picture(view))
    print_failure(view)
    if run.inputs:
        _print_map("Inputs", run.inputs)
    print_outputs(run)
    click.echo(f"Execution {run.id}  {said(run.start)}")


def print_failure(view: RunView) -> None:
    """What failed, where and why."""
    failure = view.failure
    if failure is None:
        return
    click.echo("")
    title = f"{failure.title}{f' ({failure.note})' if failure.note else ''}"
    click.secho(title, fg="red", bold=True)
    message = failure.message.strip()
    if failure.type and failure.type not in (*PLAIN, *message.replace(":", " ").split()):
        message = f"{failure.type}: {message}"
    for line in message.splitlines():
        click.echo(f"  {line}")
    if failure.lines:
        for number, line, here in failure.lines:
            click.echo(f"  {'>' if here else ' '} {number:>4} {line}")
    if failure.where:
        click.echo(f"  {failure.where}")
    click.echo("")


def print_outputs(run: Run) -> None:
    """The flow's outputs, or those of its tasks when it declares none."""
    if run.outputs:
        _print_map("Outputs", run.outputs)
        return
    pairs = dict(_task_outputs(run))
    if pairs:
        _print_map("Outputs", pairs)


def _task_outputs(run: Run) -> Iterator[tuple[str, Any]]:
    for each in run.task_runs:
        label = each.task_id if each.value is None else f"{each.task_id}[{said(each.value)}]"
        for name, value in (each.outputs or {}).items():
            if value not in (None, {}, [], ""):
                yield f"{label}.{name}", value


def _print_map(title: str, values: Mapping[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 1, 0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(Text(name, style="dim"), Text(shown(value)))
    click.secho(title, bold=True)
    put(table)


def shown(value: Any) -> str:
    """An output in one line: a table says how large it is and where, long ones are cut."""
    import json

    plain = jsonable(value)
    if isinstance(plain, dict) and {"uri", "rows"} <= plain.keys():
        columns = plain.get("columns")
        wide = len(columns) if isinstance(columns, list) else columns
        return f"{plain['rows']:,} rows × {wide} columns  {plain['uri']}"
    if isinstance(plain, list) and len(plain) > 3 and isinstance(plain[0], dict):
        return f"{len(plain):,} rows: {_cut(json.dumps(plain[0], ensure_ascii=False))} …"
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return _cut(text)


def _cut(text: str) -> str:
    line = " ⏎ ".join(text.strip().splitlines())
    return line if len(line) <= WIDE else line[: WIDE - 1] + "…"
