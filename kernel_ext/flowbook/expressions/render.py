"""Templates: parsed, looked into, rendered. This is the expression language as the rest of flowbook uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from flowbook.errors import ExpressionError

from .scope import Scope
from .values import Json, Value

if TYPE_CHECKING:
    from .program import Program

__all__ = [
    "Json",
    "Scope",
    "Template",
    "evaluate",
    "is_dynamic",
    "parse",
    "render",
    "render_deep",
    "render_typed",
    "text_of",
    "truthy",
]

THREADED = frozenset(
    {
        *(
            "kv",
            "secret",
            "read",
            "http",
            "fileSize",
            "fileExists",
            "isFileEmpty",
            "fileEmpty",
            "errorLogs",
        ),
        *("render", "renderOnce"),  # what they render may read any of the others
        *("subflow", "credential", "appLink", "isPublicHoliday", "randomPort"),
    }
)
"""Functions that may wait for something, so that a template calling them renders in a worker thread."""
OPENING = "{{ "
KEPT = 100_000
"""Characters of the longest template that is kept after it was parsed."""


@dataclass(frozen=True)
class Template:
    """A template that has been parsed; it is compiled when it is first rendered."""

    source: str
    dialect: str = "kestra"
    reads: frozenset[str] = frozenset()
    """Names of the variables it reads: `outputs`, `inputs` …"""
    calls: frozenset[str] = frozenset()
    """Names of the functions it calls."""
    is_literal: bool = True
    """It has no delimiters: nothing to render."""
    paths: tuple[tuple[str, ...], ...] = ()
    """Its literal lookups, like `("outputs", "extract", "uri")`."""
    waits: bool = False
    """Rendering may wait for another process."""

    @property
    def needs_thread(self) -> bool:
        return self.waits or not THREADED.isdisjoint(self.calls) or self._reads_namespace

    @property
    def _reads_namespace(self) -> bool:
        """Whether it reads more of `namespace` than its id: that is asked of the history."""
        if "namespace" not in self.reads:
            return False
        paths = [path for path in self.paths if path[0] == "namespace"]
        return not paths or any(path[1:2] != ("id",) for path in paths)


def is_dynamic(text: str) -> bool:
    """Whether a text holds a delimiter, so that there is something to render."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def parse(source: str, dialect: str = "kestra") -> Template:
    """A template as it is before rendering: what it reads and calls.

    Raises:
        ExpressionError: the template can't be read; its span says where.
    """
    if not is_dynamic(source):
        return Template(source, dialect)
    return _parsed(source, dialect) if len(source) <= KEPT else _parsed.__wrapped__(source, dialect)


@lru_cache(maxsize=4000)
def _parsed(source: str, dialect: str) -> Template:
    from .reads import template_of

    return template_of(source, dialect)


def _program(source: str | Template, scope: Scope) -> Program:
    from .program import program

    return program(source.source if isinstance(source, Template) else source, scope.dialect)


def _literal(source: str | Template) -> str | None:
    text = source.source if isinstance(source, Template) else source
    return None if is_dynamic(text) else text


def render(source: str | Template, scope: Scope) -> str:
    """The text a template gives.

    Raises:
        ExpressionError: with the template, the place in it, and what couldn't be found.
    """
    if (text := _literal(source)) is not None:
        return text
    from .program import render_text

    return render_text(_program(source, scope), scope)


def render_typed(source: str | Template, scope: Scope) -> Value:
    """The value of a template that is exactly one expression, else its text."""
    if (text := _literal(source)) is not None:
        return text
    from .program import render_value

    return render_value(_program(source, scope), scope)


def render_deep(value: Value, scope: Scope, *, typed: bool = False) -> Value:
    """The value with every text in it rendered, keys included; other values stay. Of equal keys the first wins."""
    if isinstance(value, str):
        if not is_dynamic(value):
            return value
        return render_typed(value, scope) if typed else render(value, scope)
    if isinstance(value, Mapping):
        made: dict[Value, Value] = {}
        for key, item in value.items():
            name = render(key, scope) if isinstance(key, str) else key
            if name not in made:
                made[name] = render_deep(item, scope, typed=typed)
        return made
    if isinstance(value, list | tuple):
        return [render_deep(item, scope, typed=typed) for item in value]
    return value


def truthy(source: str | Template, scope: Scope) -> bool:
    """Whether a condition holds: `runIf`, `If`, `LoopUntil` and their like."""
    from .conditions import is_true

    return is_true(source, scope)


def evaluate(expression: str, scope: Scope) -> Value:
    """The value of an expression that is written without delimiters.

    >>> evaluate("a.b + 1", Scope({"a": {"b": 2}}))
    3
    """
    from .program import render_value

    try:
        program = _program(OPENING + expression + " }}", scope)
        if not program.is_expression:
            raise ExpressionError("This is more than one expression", source=expression)
        return render_value(program, scope)
    except ExpressionError as error:
        raise _without_delimiters(error, expression) from error


def _without_delimiters(error: ExpressionError, expression: str) -> ExpressionError:
    """The error as one of the expression that the caller wrote."""
    span = error.span
    if error.source == expression or not error.source.startswith(OPENING + expression):
        return error
    if span is not None and span.line == 1:
        column = max(1, span.column - len(OPENING))
        end = (
            span.end_column - len(OPENING)
            if span.end_column and span.end_line == 1
            else span.end_column
        )
        span = replace(span, column=column, end_column=end)
    message = str(error).replace(f"`{error.source}`", f"`{expression}`")
    return ExpressionError(message, source=expression, span=span, unknown=error.unknown)


def text_of(value: Value, dialect: str = "kestra") -> str:
    """A value as a template prints it."""
    if type(value) is str:
        return value
    from .text import text_of as written

    return written(value, dialect)
