"""How answers are printed: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

COLOURS = {
    "failed": "red",
    "killed": "magenta",
    "killing": "magenta",
    "cancelled": "magenta",
    "warning": "yellow",
    "retrying": "yellow",
    "paused": "yellow",
    "running": "blue",
    "success": "green",
}
"""Beside the icon and the word, never instead of them."""


TABLE = "flowbook:table"
"""What marks a table in outputs: its address."""


def with_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--output table|json|yaml` and `--json`; the command gets `output`."""

    @click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        help="How the answer is printed.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Short for --output json.")
    @functools.wraps(command)
    def wrapped(*args: Any, output: str, as_json: bool, **given: Any) -> Any:
        return command(*args, output="json" if as_json else output, **given)

    return wrapped


def console(*, err: bool = False) -> Console:
    """Where people read; lines are never cut when nobody looks at a terminal."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    wide = None if stream.isatty() else 10_000
    return Console(stderr=err, width=wide, highlight=False, soft_wrap=False, emoji=False)


def document(value: Any, output: str) -> None:
    """Print one value as JSON or YAML."""
    import json

    plain = jsonable(value)
    if output == "yaml":
        import yaml

        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).rstrip()
    else:
        text = json.dumps(plain, indent=2, ensure_ascii=False)
    click.echo(text)


def listing(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    output: str,
    *,
    empty: str,
    verbatim: bool = False,
) -> None:
    """Print rows; a table shows `columns` only, and says `empty` when there are none."""
    if output != "table":
        document(list(rows), output)
    elif rows:
        table(rows, columns, verbatim=verbatim)
    else:
        click.echo(empty)


def table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, verbatim: bool = False
) -> None:
    """Print rows under a head; numbers stand right, a state has its icon. `verbatim`: all as it is."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in columns:
        numbers = all(isinstance(row.get(name), int | float | timedelta) for row in rows)
        drawn.add_column(
            name if verbatim else name.replace("_", " "),
            justify="right" if numbers else "left",
            no_wrap=name in ("id", "execution"),
            overflow="fold",
        )
    for row in rows:
        drawn.add_row(*(_cell("" if verbatim else name, row.get(name)) for name in columns))
    put(drawn)


def put(drawn: Any) -> None:
    """Print something drawn; without the blanks that fill its lines when no terminal shows it."""
    aim = console()
    if aim.is_terminal:
        aim.print(drawn)
        return
    with aim.capture() as text:
        aim.print(drawn)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))


def _cell(name: str, value: Any) -> Text:
    from rich.text import Text

    if name == "state" and value:
        return state(str(value))
    return Text(said(value))


def state(name: str) -> Text:
    """`✓ Success`, in its colour where there are colours."""
    from rich.text import Text

    from flowbook.views import states

    known = states.name_of(name)
    return Text(
        f"{states.look(known).symbol} {states.sentence(known)}", style=COLOURS.get(known, "")
    )


def said(value: Any) -> str:
    """A value as a person reads it in a cell of a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case datetime():
            local = value if value.tzinfo else value.replace(tzinfo=UTC)
            return f"{local.astimezone():%Y-%m-%d %H:%M:%S}"
        case timedelta():
            from flowbook.views.words import clock

            return clock(value.total_seconds())
        case float():
            return f"{value:.10g}"
        case list() | tuple():
            return ", ".join(said(item) for item in value)
        case Mapping():
            return ", ".join(f"{key}={said(item)}" for key, item in value.items())
        case _:
            return str(value)


def jsonable(value: Any) -> Any:
    """The value made of what JSON knows: times as ISO text, durations as seconds, else its text."""
    match value:
        case None | bool() | int() | float():
            return None if value != value or value in (float("inf"), float("-inf")) else value
        case str():
            return str(value)
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            if TABLE in value:
                return {"uri": value[TABLE], "rows": value["rows"], "columns": value["columns"]}
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [jsonable(item) for item in value]
        case _ if hasattr(value, "uri") and hasattr(value, "columns"):
            return {"uri": value.uri, "rows": value.rows, "columns": jsonable(value.columns)}
        case _:
            return str(value)
