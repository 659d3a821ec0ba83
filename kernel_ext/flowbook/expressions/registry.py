"""Where filters, functions, tests and methods are entered by name.

A filter gives null for null unless it says otherwise, and its result is bounded. Each has a doctest, where
`show(template, **variables)` is the text a template gives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError, FlowbookError

from .bounds import bounded
from .values import Value

Function = Callable[..., Value]
F = TypeVar("F", bound=Function)

FILTERS: dict[str, Function] = {}
FUNCTIONS: dict[str, Function] = {}
TESTS: dict[str, Function] = {}
METHODS: list[tuple[type | tuple[type, ...], dict[str, Function]]] = []

_misused = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


class Misused(ExpressionError):
    """A filter or function refuses what it was given; `what` says which one, so that its place can be found."""

    what: tuple[str, str] | None = None


def blame(error: Exception, kind: str, name: str) -> ExpressionError:
    """The error with the filter, function or method that raised it."""
    if isinstance(error, ExpressionError):
        if error.source or getattr(error, "what", None):
            return error
        refused = Misused(str(error), unknown=error.unknown)
    elif isinstance(error, FlowbookError):
        refused = Misused(str(error))
    else:
        refused = Misused(f"`{name}` can't do this: {_plainly(error, name)}")
    refused.what = (kind, name)
    return refused


def _plainly(error: Exception, name: str) -> str:
    text = str(error) or type(error).__name__
    if (
        isinstance(error, TypeError) and "()" in text
    ):  # Python's words about arguments, without the Python name
        text = text[text.index("()") + 2 :].strip()
    return text


def guarded(function: F, kind: str, name: str, *, null: bool = True) -> F:
    """The function as templates call it: null for null where it takes no null, and every failure named.

    What functions give is bounded by themselves: `read` may give more than a template can make.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Value:
        if not null and args and (args[0] is None or isinstance(args[0], Undefined)):
            return args[0]
        try:
            found = function(*args, **kwargs)
            return found if kind == "function" else bounded(found)
        except (UndefinedError, MemoryError):
            raise
        except (FlowbookError, *_misused) as error:
            raise blame(error, kind, name) from error

    return call  # type: ignore[return-value]


def filter_(*names: str, null: bool = False) -> Callable[[F], F]:
    """Enter a filter under its names; `null` says that it wants to see null, and what is missing, itself."""

    def enter(function: F) -> F:
        for name in names:
            FILTERS[name] = guarded(function, "filter", name, null=null)
        return function

    return enter


def function_(*names: str) -> Callable[[F], F]:
    """Enter a function under its names."""

    def enter(function: F) -> F:
        for name in names:
            FUNCTIONS[name] = guarded(function, "function", name)
        return function

    return enter


def test_(*names: str) -> Callable[[F], F]:
    """Enter a test, as in `x is even`."""

    def enter(function: F) -> F:
        for name in names:
            TESTS[name] = guarded(function, "test", name)
        return function

    return enter


def methods(kind: type | tuple[type, ...], table: dict[str, Function]) -> None:
    """Enter the methods that values of a kind have."""
    METHODS.append(
        (kind, {name: guarded(function, "method", name) for name, function in table.items()})
    )


def load() -> None:
    """Import every topic, so that the tables are full."""
    from . import checks  # noqa: F401
    from . import methods as _methods  # noqa: F401
    from .filters import collections, conversions, dates, encode, json_, pick, regex, text  # noqa: F401
    from .functions import calendar, context, data, dates_, host, numbers  # noqa: F401
