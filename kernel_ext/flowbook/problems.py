"""What is wrong with a text, as data: a message, its place and a way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem matters: errors block a save, warnings and infos don't."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: lines and columns count from 1, `end_column` is exclusive."""

    line: int
    column: int
    end_line: int | None = None
    end_column: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a flow's text."""

    severity: Severity
    message: str
    span: Span | None = None
    hint: str | None = None
    path: str = ""
    """Where it is in the document, like `tasks[0].id`; empty for the whole."""

    @classmethod
    def error(
        cls, message: str, span: Span | None = None, hint: str | None = None, path: str = ""
    ) -> Problem:
        return cls(Severity.ERROR, message, span, hint, path)

    @classmethod
    def warning(
        cls, message: str, span: Span | None = None, hint: str | None = None, path: str = ""
    ) -> Problem:
        return cls(Severity.WARNING, message, span, hint, path)

    @classmethod
    def info(
        cls, message: str, span: Span | None = None, hint: str | None = None, path: str = ""
    ) -> Problem:
        return cls(Severity.INFO, message, span, hint, path)

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    @property
    def line(self) -> int | None:
        return self.span.line if self.span else None

    @property
    def column(self) -> int | None:
        return self.span.column if self.span else None


def show(problem: Problem, *, name: str, text: str = "") -> str:
    """One problem as a person reads it: place, message, the line with a mark, the hint."""
    kind = "" if problem.is_error else f"{problem.severity}: "
    if problem.span is None:
        lines = [f"{name}: {kind}{problem.message}"]
    else:
        span = problem.span
        lines = [f"{name}:{span.line}:{span.column}: {kind}{problem.message}"]
        lines += _excerpt(span, text)
    if problem.hint:
        lines.append(f"      {problem.hint}")
    return "\n".join(lines)


def report(problems: Iterable[Problem], *, name: str, text: str = "") -> str:
    """All problems, errors first, each as `show` prints it."""
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    ranked = sorted(problems, key=lambda p: (order[p.severity], p.line or 0, p.column or 0))
    return "\n".join(show(problem, name=name, text=text) for problem in ranked)


def _excerpt(span: Span, text: str) -> list[str]:
    rows = [row.rstrip("\r") for row in text.split("\n")]  # as editors count lines
    if not 1 <= span.line <= len(rows):
        return []
    row = rows[span.line - 1]
    start = max(span.column, 1)
    same_line = span.end_line in (None, span.line)
    end = span.end_column if same_line and span.end_column else len(row) + 1
    marks = "^" * max(1, min(end, len(row) + 1) - start)
    offset = max(0, start - 80)  # a very long line is shown around the place only
    shown = row[offset : offset + 160]
    return [f"{span.line:>5} | {shown}", f"      | {' ' * (start - 1 - offset)}{marks[:160]}"]
