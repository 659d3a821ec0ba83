"""Pebble's grammar, parsed into Jinja2's nodes.

Only stock nodes are made. An operator Jinja2 lacks becomes a `Filter` or `Test` whose name no template can write
(`??`, `~`, `?truth`): the compiler turns either into a plain function call. The filters named in `compiler.LAZY`
get their operands unevaluated.

An expression with hyphens may mean several things (`outputs.my-task.value`, `vars.n-1`). It is parsed up to three
times: all hyphens in names, numbers split off, none in names. Different trees become one lazy node, and the first
whose lookups exist wins. The kestra dialect's `not` is read the same way: Pebble's reading first, then Python's.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Token

from .nodes import applied, checking, const
from .postfix import PostfixParser
from .precedence import LEVELS, NOT, UNARY

if TYPE_CHECKING:
    from .environment import PebbleEnvironment

LITERALS = {"null": None, "none": None, "true": True, "false": False}
SIGNS = {"ampersands": "and", "bars": "or"}
WORDS = frozenset({"equals", "is", "contains", "matches", "in", "isIn", "isNotIn", "and", "or"})
ARITHMETIC: dict[str, type[nodes.BinExpr]] = {
    "add": nodes.Add,
    "sub": nodes.Sub,
    "mul": nodes.Mul,
    "div": nodes.Div,
    "floordiv": nodes.FloorDiv,
    "mod": nodes.Mod,
    "pow": nodes.Pow,
}
COMPARISONS = {
    "eq": "==",
    "equals": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "lteq": "<=",
    "gteq": ">=",
    "contains": "contains",
    "matches": "matches",
    "in": "in",
    "not in": "in",
    "isIn": "isIn",
    "isNotIn": "isNotIn",
}
OPERAND_TESTS = frozenset(
    {
        "eq",
        "ne",
        "lt",
        "gt",
        "le",
        "ge",
        "equalTo",
        "equalto",
        "in",
        "contains",
        "divisibleby",
        "matches",
    }
)


class ExpressionParser(PostfixParser):
    """Parses expressions by the table of levels."""

    environment: PebbleEnvironment

    def __init__(self, environment: PebbleEnvironment, source: str) -> None:
        super().__init__(environment, source)
        self.levels = LEVELS[environment.dialect]
        self.saw_loose_not = False
        self.loose_not = environment.dialect == "seed"
        self.macros: set[str] = set()
        self.calls: list[nodes.Filter] = []

    def unknown(
        self,
        message: str,
        name: str,
        known: Sequence[str] | dict[str, Any],
        like: nodes.Node | Token,
    ) -> NoReturn:
        close = get_close_matches(name, list(known), n=1)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        self.fail(message.format(name) + hint, like.lineno)

    def parse_expression(self, with_condexpr: bool = True) -> nodes.Expr:
        """An expression in all its readings."""
        if self.joining is not None:
            return self.choice(with_condexpr)
        seed = self.environment.dialect == "seed"
        start = self.stream.mark()
        self.saw_tight_minus = False
        self.saw_loose_not = self.loose_not = seed
        readings: list[nodes.Expr] = []
        failure: TemplateSyntaxError | None = None
        end = None
        for joining in ("all", "words", "none", "loose not"):
            if joining == "loose not":
                if self.loose_not or not self.saw_loose_not:
                    break
                self.loose_not = True
            self.joining = "all" if joining == "loose not" else joining
            self.stream.rewind(start)
            try:
                readings.append(self.choice(with_condexpr))
                end = end or self.stream.mark()
            except TemplateSyntaxError as error:
                failure = failure or error
            finally:
                self.joining = None
            if not self.saw_tight_minus and (seed or not self.saw_loose_not):
                break
        if end is None:
            assert failure is not None
            raise failure
        self.stream.rewind(end)
        if len(readings) == 1:
            return readings[0]
        different = [node for at, node in enumerate(readings) if node not in readings[:at]]
        if len(different) == 1:
            return different[0]
        return applied("?reading", *different)

    def choice(self, inline_if: bool = True) -> nodes.Expr:
        """`c ? a : b`, and Jinja2's `a if c else b`."""
        node = self.binary(0)
        if self.stream.skip_if("question"):
            yes = self.choice()
            self.stream.expect("colon")
            return nodes.CondExpr(applied("?choose", node), yes, self.choice(), lineno=node.lineno)
        while inline_if and self.stream.skip_if("name:if"):
            test = self.truth(self.binary(0), "inline if")
            other = self.choice() if self.stream.skip_if("name:else") else const(None, node)
            node = nodes.CondExpr(test, node, other, lineno=node.lineno)
        return node

    def binary(self, floor: int) -> nodes.Expr:
        """Operands joined by operators that bind at least as tightly as `floor`."""
        node = self.unary()
        while True:
            operator = self.operator()
            level = self.levels.get(operator, -1) if operator else -1
            if operator is None or level < floor:
                return node
            node = self.combined(node, operator, level)

    def operator(self) -> str | None:
        token = self.stream.current
        if token.type == "tight_number":
            return "sub"
        if token.type != "name":
            return SIGNS.get(token.type, token.type)
        if token.value == "not" and self.stream.look().test("name:in"):
            return "not in"
        return token.value if token.value in WORDS else None

    def combined(self, left: nodes.Expr, operator: str, level: int) -> nodes.Expr:
        """`left`, an operator and what stands on its right."""
        if operator == "pipe":
            return self.filtered(left)
        token = self.stream.current
        if token.type == "tight_number":
            digits = token.value.rstrip("lL")
            if not digits.isdigit():
                self.fail(f"unexpected {token.value!r}")
            self.stream.current = Token(token.lineno, "integer", int(digits))  # type: ignore[arg-type]
        else:
            self.stream.skip(2 if operator == "not in" else 1)
        if operator == "is":
            return self.checked(left)
        if operator in ("coalesce", "undefined_coalesce"):
            return self.substituted(left, operator, level)
        right = self.binary(level + 1)
        if operator == "tilde":
            operands = [right]
            while self.stream.skip_if(
                "tilde"
            ):  # one flat call: nested ones would meet Python's limit of 200
                operands.append(self.binary(level + 1))
            return applied("~", left, *operands)
        if operator == "range":
            return applied("..", left, right)
        if operator in ("and", "or"):
            node = nodes.And if operator == "and" else nodes.Or
            return node(
                self.truth(left, operator), self.truth(right, operator), lineno=token.lineno
            )
        if operator in COMPARISONS:
            test = checking(COMPARISONS[operator], left, right, kwargs=())
            test.lineno = token.lineno
            return nodes.Not(test, lineno=token.lineno) if operator == "not in" else test
        return ARITHMETIC[operator](left, right, lineno=token.lineno)

    def substituted(self, left: nodes.Expr, operator: str, level: int) -> nodes.Expr:
        """`a ?? b`, `a ??? b`, and `?? raise`, which asks for the ordinary error."""
        sign = "??" if operator == "coalesce" else "???"
        if self.stream.current.test("name:raise") and self.stream.look().type not in (
            "dot",
            "lbracket",
            "lparen",
        ):
            next(self.stream)
            return applied(sign + " raise", left)
        return applied(sign, left, self.binary(level + 1))

    def unary(self) -> nodes.Expr:
        token = self.stream.current
        if token.type in ("sub", "add"):
            next(self.stream)
            sign = nodes.Neg if token.type == "sub" else nodes.Pos
            return sign(self.binary(UNARY), lineno=token.lineno)
        if token.test("name:not") or token.type == "bang":
            next(self.stream)
            node = self.binary(NOT if self.loose_not and token.type == "name" else UNARY)
            is_ambiguous = (
                not self.loose_not
                and token.type == "name"
                and self.levels.get(self.operator() or "", 0) > NOT
            )
            self.saw_loose_not = self.saw_loose_not or is_ambiguous
            return nodes.Not(
                self.truth(node, "strict not" if is_ambiguous else "not"), lineno=token.lineno
            )
        return self.parse_postfix(self.parse_primary())

    def truth(self, node: nodes.Expr, where: str) -> nodes.Filter:
        return applied("?truth", node, const(where, node))

    def filtered(self, node: nodes.Expr) -> nodes.Expr:
        """`node | f`; the input of `default` may be missing."""
        if self.stream.look().type == "name":
            self._check_filter(self.stream.look())
        filtered: Any = self.parse_filter(node)
        inner = filtered
        while inner is not node:
            if not self.environment.knows(self.environment.filters, inner.name):
                self.unknown(
                    "Filter [{}] does not exist", inner.name, self.environment.filters, inner
                )
            if inner.name == "default":
                inner.node = applied("?attempt", inner.node)
                inner = inner.node
            inner = inner.node
        return filtered  # type: ignore[no-any-return]

    def _check_filter(self, token: Token) -> None:
        following = self.stream.tokens[self.stream.position + 1 : self.stream.position + 2]
        if following and following[0].type == "dot":
            return  # a name of several parts is put together later
        if not self.environment.knows(self.environment.filters, token.value):
            self.unknown("Filter [{}] does not exist", token.value, self.environment.filters, token)

    def checked(self, node: nodes.Expr) -> nodes.Expr:
        """`node is [not] test`."""
        is_negated = self.stream.skip_if("name:not")
        token = self.stream.expect("name")
        args: list[nodes.Expr] = []
        kwargs: list[nodes.Keyword] = []
        if self.stream.current.type == "lparen":
            args, kwargs, *_ = self.parse_call_args()
        elif token.value in OPERAND_TESTS:
            args = [self.unary()]
        if not self.environment.knows(self.environment.tests, token.value):
            self.unknown("Test [{}] does not exist", token.value, self.environment.tests, token)
        if token.value in ("defined", "undefined"):
            node = applied("?attempt", node)
        test = checking(token.value, node, *args, kwargs=kwargs)
        return nodes.Not(test, lineno=token.lineno) if is_negated else test

    def parse_primary(self, with_namespace: bool = False) -> nodes.Expr:
        token = self.stream.current
        if token.type == "name":
            if token.value.lower() in LITERALS:
                next(self.stream)
                return const(LITERALS[token.value.lower()], token)
            if self.stream.look().type == "lparen":
                return self.called()
            if token.value in ("self", "super"):
                next(self.stream)  # Jinja2 gives these names a meaning; here they are variables
                return applied("?get", const(token.value, token))
        if token.type == "lparen":
            return self.parenthesised()
        if token.type == "integer":
            next(self.stream)
            return const(token.value, token)
        return super().parse_primary(with_namespace)

    def parenthesised(self) -> nodes.Expr:
        """`( e )`; a tuple is a list."""
        opening = next(self.stream)
        items = []
        is_tuple = self.stream.current.type == "rparen"
        while self.stream.current.type != "rparen":
            items.append(self.choice() if self.joining is not None else self.parse_expression())
            if not self.stream.skip_if("comma"):
                break
            is_tuple = True
        self.stream.expect("rparen")
        if is_tuple:
            return applied("?literal", nodes.List(items, lineno=opening.lineno))
        return items[0]

    def called(self) -> nodes.Expr:
        """`f(…)`: a macro of this template, or a function."""
        token = next(self.stream)
        args, kwargs, *spread = self.parse_call_args()
        if any(spread):
            self.fail("`*` and `**` are not supported in calls", token.lineno)
        call = applied("?call", const(token.value, token), *args, kwargs=kwargs)
        self.calls.append(call)
        return call

    def parse_list(self) -> nodes.List:
        return applied("?literal", super().parse_list())  # type: ignore[return-value]

    def parse_dict(self) -> nodes.Dict:
        """A map literal; a bare word as its key is a variable or, where there is none, the word."""
        tree = super().parse_dict()
        for pair in tree.items:
            if isinstance(pair.key, nodes.Name):
                pair.key = applied("??", pair.key, const(pair.key.name, pair.key))
        return applied("?literal", tree)  # type: ignore[return-value]
