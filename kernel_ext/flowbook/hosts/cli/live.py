"""An execution while it runs: a tree that changes in place in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from flowbook.views import states
from flowbook.views.words import clock, moment

from .output import COLOURS

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

    from flowbook.views.run import RunView

BAR = 28
"""Characters of the progress bar."""
SHARES = ("success", "warning", "skipped", "failed", "killed", "cancelled", "running")
"""The order in the bar: what has ended before what still runs."""
LEVELS = {"ERROR": "red", "WARN": "yellow", "DEBUG": "dim", "TRACE": "dim"}


class Face(Protocol):
    """Where an execution is shown."""

    def show(self, view: RunView, lines: Iterable[Mapping[str, Any]] = ()) -> None:
        """Show what is known now, and the lines of the log that are new with it."""


@contextmanager
def face(console: Console, *, quiet: bool = False) -> Iterator[Face]:
    """The face that fits where the output goes; in a terminal it lasts as long as the block."""
    if quiet:
        yield Silent()
    elif console.is_terminal and not console.is_dumb_terminal:
        from rich.live import Live

        tree = Tree(console)
        with Live(
            get_renderable=tree.drawn,
            console=console,
            refresh_per_second=8,
            vertical_overflow="ellipsis",
        ):
            yield tree
    else:
        yield Lines(console)


class Silent:
    """Shows nothing."""

    def show(self, view: RunView, lines: Iterable[Mapping[str, Any]] = ()) -> None:
        """Nothing."""


class Tree:
    """The tree of tasks, drawn anew a few times a second so that its clocks count."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.view: RunView | None = None

    def show(self, view: RunView, lines: Iterable[Mapping[str, Any]] = ()) -> None:
        for line in lines:
            self.console.print(log_line(line))
        self.view = view

    def drawn(self) -> Group | str:
        """The picture of this moment."""
        if self.view is None:
            return ""
        now = self.view.now if self.view.is_over else max(self.view.now, time.time())
        return picture(replace(self.view, now=now))


class Lines:
    """A line for every change and every line of the log, in the order of time; for files and CI."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.known: dict[str, str] = {}

    def show(self, view: RunView, lines: Iterable[Mapping[str, Any]] = ()) -> None:
        said = [(moment(line.get("ts")) or view.now, log_line(line)) for line in lines]
        said += self._changes(view)
        for _, text in sorted(said, key=lambda each: each[0]):
            self.console.print(text)

    def _changes(self, view: RunView) -> Iterator[tuple[float, Text]]:
        for node, _ in view.graph.nodes():
            before = self.known.get(node.key)
            if node.state is None or before == node.state or node.state == "created":
                continue
            self.known[node.key] = node.state
            if before is None and node.state in states.ENDED and node.started is not None:
                yield node.started, _change(node.started, "running", node.id, "")
            over = node.state in states.ENDED
            at = (node.ended if over else node.started) or view.now
            took = clock(at - node.started) if over and node.started is not None else ""
            note = " · ".join(part for part in (took, *node.meta[1:]) if part)
            yield at, _change(at, node.state, node.id, note if over else "")


def _change(at: float, state: str, name: str, note: str) -> Text:
    from rich.text import Text

    text = Text(f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S} ")
    text.append(f"{state.upper():<8}", style=COLOURS.get(state, ""))
    text.append(f" {name}")
    return text.append(f"  {note}" if note else "", style="dim")


def picture(view: RunView) -> Group:
    """Head, progress, one row a task, and what runs now."""
    from rich.console import Group
    from rich.text import Text

    from flowbook.views.text import head, tree

    title = Text(head(view), style="bold")
    title.stylize(COLOURS.get(view.state, ""), 0, len(view.state) + 2)
    rows: list[Text] = [title, progress(view)]
    for row in tree(view):
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f" {row.symbol} ", style=COLOURS.get(row.state or "", ""))
        line.append(f"{row.prefix}", style="dim")
        line.append(f"{row.name:<{max(24 - len(row.prefix), 1)}}", style="" if row.state else "dim")
        line.append(f" {row.time:>8}  ", style="dim")
        line.append(row.note, style="red" if row.state == "failed" else "dim")
        rows.append(line)
    if view.at is not None and not view.is_over:
        elapsed = "" if view.at.since is None else clock(max(view.now - view.at.since, 0.0))
        now = "  ".join(part for part in (view.at.title, view.at.code, elapsed) if part)
        rows.append(Text(f"   {now}", style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*rows)


def progress(view: RunView) -> Text:
    """The bar: what has ended and what runs, each in its colour, of what there will be."""
    from rich.text import Text

    total = max(view.expected, sum(view.counts.values()), 1)
    bar, filled = Text(" "), 0
    for name in (*SHARES, *(name for name in view.counts if name not in SHARES)):
        if number := view.counts.get(name, 0):
            width = min(max(round(number / total * BAR), 1), BAR - filled)
            bar.append("━" * width, style=COLOURS.get(name, "dim"))
            filled += width
    return bar.append("─" * (BAR - filled), style="dim")


def log_line(line: Mapping[str, Any]) -> Text:
    """`12:03:07 INFO     clean  1,461 days`."""
    from rich.text import Text

    level, at = str(line.get("level") or "INFO"), moment(line.get("ts"))
    clock_time = "--:--:--" if at is None else f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}"
    text = Text(f"{clock_time} ")
    text.append(f"{level:<8}", style=LEVELS.get(level, ""))
    if task := line.get("task_id"):
        text.append(f" {task} ", style="dim")
    return text.append(f" {line.get('message') or ''}")


def follow(
    views: Iterable[RunView], face: Face, new_lines: Callable[[], Iterable[Mapping[str, Any]]]
) -> None:
    """Show every view, and the log lines that are new with it."""
    for view in views:
        face.show(view, new_lines())
