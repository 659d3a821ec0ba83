"""What the files say about parts: docstrings of classes and of their attributes.

Attribute docstrings are not kept by Python, so they are read from the source when somebody asks.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache


def summary(part: type) -> str:
    """The class's own docstring; empty if it has none."""
    return inspect.cleandoc(part.__dict__.get("__doc__") or "")


@cache
def attribute_docs(part: type) -> dict[str, str]:
    """The docstring under each attribute, those of base classes included."""
    docs: dict[str, str] = {}
    for base in reversed(part.__mro__):
        docs |= _in_module(base.__module__).get(base.__name__, {})
    return docs


@cache
def _in_module(name: str) -> dict[str, dict[str, str]]:
    """Class name → attribute name → docstring, for one module of parts."""
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    if module is None or path is None or name.startswith(("pydantic", "builtins", "typing")):
        return {}
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, SyntaxError):
        return {}
    return {
        node.name: dict(_attributes(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def _attributes(node: ast.ClassDef) -> list[tuple[str, str]]:
    found = []
    for statement, below in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found.append((statement.target.id, inspect.cleandoc(below.value.value)))
    return found
