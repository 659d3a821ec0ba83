"""One kind of error for whatever goes wrong in a template, with its place in it."""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError, UndefinedError

from flowbook.errors import ExpressionError, FlowbookError
from flowbook.problems import Span

if TYPE_CHECKING:
    from jinja2.environment import Template

    from .environment import PebbleEnvironment

SHOWN = 200
"""Characters of a template that an error repeats."""


def explained(
    error: BaseException,
    source: str,
    environment: PebbleEnvironment | None = None,
    template: Template | None = None,
) -> ExpressionError:
    """The error a caller sees: what, in which expression, on which line."""
    if isinstance(error, ExpressionError) and error.source:
        return error
    unknown = _unknown(error)
    offset: int | None
    if isinstance(error, TemplateSyntaxError):
        line, offset = int(error.lineno), getattr(error.lineno, "offset", None)
    else:
        line, offset = _line(error, template), None
        if environment is not None:
            offset = _offset(error, source, environment, line, unknown)
    span = span_at(source, offset) if offset is not None else Span(line, 1)
    joint = " used in" if unknown is not None else ", in"
    message = f"{_message(error)}{joint} the expression `{_excerpt(source)}` at line {span.line}"
    return ExpressionError(message, source=source, span=span, unknown=unknown)


def span_at(source: str, offset: int) -> Span:
    """The word at a place in a text."""
    line = source.count("\n", 0, offset) + 1
    column = offset - (source.rfind("\n", 0, offset) + 1) + 1
    end = offset
    if (
        source[offset : offset + 1] in ("'", '"')
        and (closing := source.find(source[offset], offset + 1)) > 0
    ):
        end = closing + 1
    while end < len(source) and (source[end].isalnum() or source[end] in "_-"):
        end += 1
    return Span(line, column, line, column + max(1, end - offset))


def _message(error: BaseException) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return "The expression is nested too deeply"
    if isinstance(error, TemplateError):
        return error.message or type(error).__name__
    if isinstance(error, FlowbookError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"The template is too complex: {error.msg}"
    return f"{type(error).__name__}: {error}"


def _unknown(error: BaseException) -> str | None:
    if isinstance(error, ExpressionError):
        return error.unknown
    if isinstance(error, UndefinedError):
        return str(getattr(error, "name", "") or error.message)
    return None


def _excerpt(source: str) -> str:
    return source if len(source) <= SHOWN else source[: SHOWN - 1] + "…"


def _line(error: BaseException, template: Template | None) -> int:
    """The line of the template that was running."""
    line = 1
    for frame, at in walk_tb(error.__traceback__):
        running = frame.f_globals.get("__jinja_template__")
        if template is not None and running is template:
            line = running.get_corresponding_lineno(at)
    return line


def _offset(
    error: BaseException,
    source: str,
    environment: PebbleEnvironment,
    line: int,
    unknown: str | None,
) -> int | None:
    """Where in the text the failing lookup, filter or operator stands: the template is read again to see."""
    what: tuple[str, str] | None = getattr(error, "what", None)
    try:
        tree = environment._parse(source, None, None)
    except (TemplateError, RecursionError):
        return None
    candidates = [
        place
        for node in tree.find_all(nodes.Expr)
        if (place := _place(node)) is not None
        and hasattr(place, "offset")
        and (_names(node, unknown) if what is None else _runs(node, what))
    ]
    if not candidates:
        return None
    best: Any = min(candidates, key=lambda place: (int(place) != line, place.offset))
    return int(best.offset)


def _place(node: nodes.Expr) -> int | None:
    """Where a node's own word stands."""
    if isinstance(node, nodes.Filter) and node.name == "?key":
        return node.args[0].lineno
    return node.lineno


def _names(node: nodes.Expr, unknown: str | None) -> bool:
    """Whether the node is the lookup of a name."""
    if unknown is None:
        return False
    if isinstance(node, nodes.Name):
        return node.name == unknown
    if isinstance(node, nodes.Getattr):
        return node.attr == unknown
    key: nodes.Node | None = None
    if isinstance(node, nodes.Getitem):
        key = node.arg
    elif isinstance(node, nodes.Filter) and node.name == "?key":
        key = node.args[0]
    return isinstance(key, nodes.Const) and str(key.value) == unknown


def _runs(node: nodes.Expr, what: tuple[str, str]) -> bool:
    kind, name = what
    if kind == "filter":
        return isinstance(node, nodes.Filter) and node.name == name
    if kind == "operator":
        return isinstance(node, nodes.BinExpr | nodes.UnaryExpr) and node.operator == name
    if kind == "test":
        return isinstance(node, nodes.Test) and node.name == name
    if isinstance(node, nodes.Filter) and node.name in ("?call", "?method"):
        called = node.node if node.name == "?call" else node.args[0]
        return isinstance(called, nodes.Const) and called.value == name
    return False
