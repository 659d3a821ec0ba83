"""What may follow an operand: `.key`, `[index]`, `[from:to]`, `.method(…)`, and hyphens in keys."""

from __future__ import annotations

from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser

from .lexer import TIGHT, ReplayStream
from .nodes import applied, const

ROOTS = frozenset(
    {
        *("outputs", "inputs", "vars", "tasks", "labels", "parent", "parents", "trigger"),
        *("namespace", "taskrun", "execution", "flow"),
    }
)
"""Variables: a hyphen before one of them is a subtraction."""


class PostfixParser(Parser):
    """Parses lookups and calls of methods."""

    stream: ReplayStream
    joining: str | None = None
    """Which hyphens this reading takes for parts of names; None outside expressions."""
    saw_tight_minus = False

    def choice(self, inline_if: bool = True) -> nodes.Expr:
        """A whole expression, in the reading that is going on."""
        raise NotImplementedError

    def fail(
        self,
        msg: str,
        lineno: int | None = None,
        exc: type[TemplateSyntaxError] = TemplateSyntaxError,
    ) -> NoReturn:
        super().fail(msg, self.stream.current.lineno if lineno is None else lineno, exc)

    def parse_subscript(self, node: nodes.Expr) -> Any:
        dot, key = self.stream.current, self.stream.look()
        if dot.type == "lbracket":
            return self.bracketed(node)
        if key.type not in ("name", "integer"):
            return super().parse_subscript(node)
        self.stream.skip(2)
        if key.type == "integer":
            return nodes.Getitem(node, const(key.value, key), "load", lineno=key.lineno)
        name = self.with_hyphens(key.value)
        if name == key.value:
            return nodes.Getattr(node, name, "load", lineno=key.lineno)
        return applied("?key", node, const(name, key))

    def bracketed(self, node: nodes.Expr) -> nodes.Expr:
        """`a[e]`, and Python's slices."""
        opening = next(self.stream)
        parts: list[nodes.Expr | None] = [None]
        while self.stream.current.type != "rbracket":
            if self.stream.skip_if("colon"):
                parts.append(None)
            else:
                parts[-1] = self.choice() if self.joining is not None else self.parse_expression()
                if self.stream.current.type not in ("colon", "rbracket"):
                    break
        self.stream.expect("rbracket")
        if len(parts) > 3 or parts == [None]:
            self.fail("Expected a key or an index in `[ ]`", opening.lineno)
        if len(parts) == 1:
            assert parts[0] is not None
            place = parts[0].lineno if isinstance(parts[0], nodes.Const) else opening.lineno
            return nodes.Getitem(node, parts[0], "load", lineno=place)
        bounds = [part if part is not None else const(None, opening) for part in parts]
        return applied("?slice", node, *bounds)

    def with_hyphens(self, name: str) -> str:
        """The rest of a name that has hyphens in it, as far as this reading takes them for parts of names."""
        while True:
            token, part = self.stream.current, self.stream.look()
            if not (token.type == "tight_number" or token.test(f"sub:{TIGHT}")):
                return name
            self.saw_tight_minus = True
            if self.joining == "none":
                return name
            if token.type == "tight_number":
                if self.joining == "words" and token.value.isdigit():
                    return name
                name += "-" + token.value
                next(self.stream)
            elif part.value in ROOTS:  # `inputs.a-inputs.b`
                return name
            else:
                name += "-" + part.value
                self.stream.skip(2)

    def parse_call(self, node: nodes.Expr) -> nodes.Call:
        if isinstance(node, nodes.Getattr):
            args, kwargs, *spread = self.parse_call_args()
            if any(spread):
                self.fail("`*` and `**` are not supported in calls", node.lineno)
            method = applied("?method", node.node, const(node.attr, node), *args, kwargs=kwargs)
            method.lineno = node.lineno
            return method  # type: ignore[return-value]
        return self.fail("Only functions and methods can be called", node.lineno)
