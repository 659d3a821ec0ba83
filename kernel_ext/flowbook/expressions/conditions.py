"""Conditions: when the text or value of a template counts as true."""

from __future__ import annotations

import json

from flowbook.errors import ExpressionError

from .environment import Shown
from .program import is_dynamic, program, run
from .render import Template, evaluate, parse, render, render_typed
from .runtime import is_true_text
from .scope import Scope
from .text import text_of
from .values import TableValue, Value, is_list


def is_true(source: str | Template, scope: Scope) -> bool:
    """Whether a condition holds; the seed dialect also takes bare and mixed expressions."""
    text = source.source if isinstance(source, Template) else source
    if scope.dialect == "seed":
        return _seed(text, scope)
    return is_true_text(render(source, scope), scope.dialect)


def holds(source: str | Template, scope: Scope) -> bool:
    """The rule of `condition.Expression`: false for blank and `false`, true for everything else."""
    if scope.dialect == "seed":
        return is_true(source, scope)
    return render(source, scope).strip() not in ("", "false")


def is_true_value(value: Value, dialect: str = "seed") -> bool:
    """Whether a typed answer counts as true; what a condition task gave counts as its `value`."""
    if isinstance(value, dict) and "value" in value and set(value) <= {"value", "state"}:
        value = value["value"]
    if isinstance(value, str):
        return is_true_text(value.strip(), dialect)
    if isinstance(value, TableValue):
        return value.rows > 0
    return bool(value)


def _seed(text: str, scope: Scope) -> bool:
    if not is_dynamic(text):
        return _bare(text, scope)
    found = program(text.strip(), scope.dialect)
    pieces: list[str | Shown] = run(scope, lambda: found.shown(scope.variables))
    if len(pieces) == 1 and isinstance(pieces[0], Shown):
        return is_true_value(pieces[0].value)
    return _mixed(pieces, scope)


def _bare(text: str, scope: Scope) -> bool:
    """A condition without delimiters is an expression where it reads as one with known names."""
    if not text.strip():
        return False
    try:
        reads = parse("{{ " + text + " }}", scope.dialect).reads
        if all(name in scope.variables for name in reads):
            return is_true_value(evaluate(text, scope))
    except ExpressionError:
        pass
    return is_true_text(text.strip(), scope.dialect)


def _mixed(pieces: list[str | Shown], scope: Scope) -> bool:
    """Outputs amid text: each becomes a literal, and the whole is evaluated where it reads as an expression."""
    written = "".join(
        piece if isinstance(piece, str) else _as_literal(piece.value) for piece in pieces
    )
    try:
        template = parse("{{ " + written + " }}", scope.dialect)
        if not template.reads and not template.calls:
            return is_true_value(
                render_typed(template, Scope({}, dialect=scope.dialect, zone=scope.zone))
            )
    except ExpressionError:
        pass
    text = "".join(
        piece if isinstance(piece, str) else text_of(piece.value, scope.dialect) for piece in pieces
    )
    return is_true_text(text.strip(), scope.dialect)


def _as_literal(value: Value) -> str:
    """A value as an expression that gives it back."""
    text = text_of(value, "seed")
    if isinstance(value, bool | int | float):
        return f"({text})"
    if text == "" and not isinstance(value, str):
        return "null"
    if is_list(value) or isinstance(value, dict):
        return text
    return json.dumps(text)
