"""`set` inside a loop changes the variable outside it, where there is one.

Jinja2 settles scopes while compiling, so the names some loop sets are kept in a chain of scopes at run time; all
other names stay Jinja2's own fast locals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

if TYPE_CHECKING:
    from .parser import PebbleParser


def _call(name: str, node: nodes.Expr, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


class LoopAssignments(NodeTransformer):
    """Rewrites a tree so that what loops set is read from and written to the chain of scopes."""

    def __init__(self, parser: PebbleParser, tree: nodes.Template) -> None:
        self.parser = parser
        assigns = (
            assign for loop in tree.find_all(nodes.For) for assign in loop.find_all(nodes.Assign)
        )
        self.names = {
            assign.target.name for assign in assigns if isinstance(assign.target, nodes.Name)
        }

    def visit_Name(self, node: nodes.Name) -> nodes.Expr:
        if node.name in self.names and node.ctx == "load":
            return _call("?get", nodes.Const(node.name, lineno=node.lineno))
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:
        value = self.visit(node.node)
        if not isinstance(node.target, nodes.Name) or node.target.name not in self.names:
            return nodes.Assign(node.target, value, lineno=node.lineno)
        name = nodes.Const(node.target.name, lineno=node.lineno)
        return nodes.ExprStmt(_call("?set", name, value), lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> list[nodes.Node]:
        node.iter = self.visit(node.iter)
        if node.test:
            node.test = self.visit(node.test)
        node.else_ = self._visited(node.else_)
        targets: list[nodes.Node] = list(node.target.find_all(nodes.Name)) or [node.target]
        push, pop = self._scoped(node, targets)
        return [push, node, pop]

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:
        push, pop = self._scoped(node, node.args)
        node.body = [push, *node.body, pop]
        return node

    def _scoped(self, node: Any, targets: Sequence[Any]) -> tuple[nodes.Node, nodes.Node]:
        """Give the body a scope in which the loop's or macro's own variables are declared."""
        declared: list[nodes.Node] = []
        for target in targets:
            if target.name in self.names:
                inner = f"{target.name}__{self.parser.free_identifier().name}"
                name = nodes.Const(target.name, lineno=node.lineno)
                value = nodes.Name(inner, "load", lineno=node.lineno)
                declared.append(nodes.ExprStmt(_call("?declare", name, value), lineno=node.lineno))
                target.name = inner
        node.body = declared + self._visited(node.body)
        push, pop = (
            nodes.ExprStmt(
                _call("?scope", nodes.Const(step, lineno=node.lineno)), lineno=node.lineno
            )
            for step in (1, -1)
        )
        return push, pop

    def _visited(self, body: Sequence[nodes.Node]) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for child in body:
            visited = self.visit(child)
            found += visited if isinstance(visited, list) else [visited]
        return found
