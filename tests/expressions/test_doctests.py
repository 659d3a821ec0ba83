"""Every filter, function and test shows itself in a doctest, and the doctests hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import flowbook.expressions
from flowbook.expressions import registry
from flowbook.expressions.render import Scope, render


def show(
    template: str,
    *,
    dialect: str = "kestra",
    services: dict[str, object] | None = None,
    **variables: object,
) -> str:
    """What the doctests call: the text a template gives."""
    return render(template, Scope(variables, services=services or {}, dialect=dialect))


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(flowbook.expressions.__path__, "flowbook.expressions."):
        yield importlib.import_module(found.name)


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [
        test
        for module in modules()
        for test in finder.find(module, module.__name__, extraglobs={"show": show, "Scope": Scope})
        if test.examples
    ]


@pytest.mark.parametrize(
    "example", examples(), ids=lambda example: example.name.removeprefix("flowbook.expressions.")
)
def test_examples_hold(example: doctest.DocTest) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    )
    runner.run(example, out=report.append)
    assert runner.failures == 0, "".join(report)


registry.load()
NAMED = [
    (kind, name, function)
    for kind, table in (
        ("filter", registry.FILTERS),
        ("function", registry.FUNCTIONS),
        ("test", registry.TESTS),
    )
    for name, function in table.items()
]


@pytest.mark.parametrize(
    ("kind", "name", "function"), NAMED, ids=[f"{kind} {name}" for kind, name, _ in NAMED]
)
def test_everything_is_shown_in_an_example(kind: str, name: str, function: object) -> None:
    assert ">>> " in (function.__doc__ or ""), f"the {kind} {name} has no doctest"
