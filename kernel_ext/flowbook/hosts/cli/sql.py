"""`flowbook sql`: history and outputs, asked in SQL."""

from __future__ import annotations

import sys

import click

from .commands import examples
from .output import listing, with_output


@click.command(
    epilog=examples(
        'flowbook sql "SELECT flow_id, state, count(*) AS n FROM executions GROUP BY ALL"',
        "flowbook sql \"SELECT * FROM outputs('demo.seattle-weather', 'report', 'months')\"",
        "flowbook sql --json - < question.sql",
    )
)
@click.argument("query")
@click.option("--limit", default=1000, show_default=True, help="Rows printed at most.")
@with_output
def sql(query: str, limit: int, output: str) -> None:
    """Ask history and outputs a question in SQL; `-` reads it from standard input.

    Tables: executions, task_runs, attempts, logs, metrics, cells, flows, triggers …, and
    outputs('namespace.flow', 'task', 'name'), a table over all runs. One SELECT; nothing is changed.
    """
    from .workspace import opened

    text = sys.stdin.read() if query == "-" else query
    with opened() as ws:
        answer = ws.sql(text)
        columns = list(answer.columns)
        found = answer.limit(limit + 1).fetchall()
    rows = [dict(zip(columns, row, strict=True)) for row in found[:limit]]
    listing(rows, columns, output, empty="No rows.", verbatim=True)
    if len(found) > limit:
        click.echo(f"The first {limit} rows; more with --limit.", err=True)
