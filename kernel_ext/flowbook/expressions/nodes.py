"""Jinja2's nodes for what Pebble has and Jinja2 has not."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes
from jinja2.lexer import Token


def applied(
    name: str, node: nodes.Expr, *args: nodes.Expr, kwargs: Sequence[nodes.Keyword] = ()
) -> nodes.Filter:
    """`node | name(args)`, which compiles to a plain call."""
    return nodes.Filter(node, name, list(args), list(kwargs), None, None, lineno=node.lineno)


def checking(
    name: str, node: nodes.Expr, *args: nodes.Expr, kwargs: Sequence[nodes.Keyword]
) -> nodes.Test:
    return nodes.Test(node, name, list(args), list(kwargs), None, None, lineno=node.lineno)


def const(value: object, like: nodes.Node | Token) -> nodes.Const:
    return nodes.Const(value, lineno=like.lineno)
