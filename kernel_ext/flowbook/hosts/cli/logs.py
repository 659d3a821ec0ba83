"""`flowbook executions logs`: what the tasks of an execution wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from .commands import examples
from .executions import with_id
from .output import console, document, jsonable, with_output

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")


@click.command(
    epilog=examples(
        "flowbook executions logs 3fK2…",
        "flowbook executions logs 3fK2… --follow --level WARN",
        "flowbook executions logs --id 3fK2… --task load --json",
    )
)
@with_id
@click.option("-f", "--follow", is_flag=True, help="Go on until the execution is over.")
@click.option(
    "--level", type=click.Choice(LEVELS, case_sensitive=False), help="From this level up."
)
@click.option("--task", metavar="ID", help="Only of this task.")
@with_output
def logs(id: str, follow: bool, level: str | None, task: str | None, output: str) -> None:
    """Show an execution's log: time, level, task, message. --follow ends with the execution."""
    from .running import NewLines
    from .workspace import opened

    wanted = level.upper() if level else None
    with opened() as ws:
        run = ws.execution(id)
        if not follow:
            lines = run.logs(level=wanted, task=task)
            if output == "table":
                for line in lines:
                    say(line)
            else:
                document(lines, output)
            return
        new = NewLines(run, level=wanted, task=task)
        for _ in run.watch(interval=0.1):
            _say(new(), output)
        _say(new(), output)


def _say(lines: Iterable[Mapping[str, Any]], output: str) -> None:
    for line in lines:
        if output == "table":
            say(line)
        else:
            import json

            click.echo(json.dumps(jsonable(line), ensure_ascii=False))


def say(line: Mapping[str, Any]) -> None:
    """One line: `2026-11-21T10:00:00.000+00:00 INFO task message`, in colour for people."""
    aim = console()
    if aim.is_terminal:
        from .live import log_line

        aim.print(log_line(line))
        return
    ts = line.get("ts")
    at = ts.isoformat(timespec="milliseconds") if isinstance(ts, datetime) else str(ts)
    click.echo(f"{at} {line.get('level')} {line.get('task_id') or '-'} {line.get('message')}")
