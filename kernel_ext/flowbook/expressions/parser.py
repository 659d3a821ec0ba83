"""Whole templates: Jinja2's tags with Pebble's spellings around the expressions of `grammar.py`."""

from __future__ import annotations

from typing import Any, NoReturn

from jinja2 import nodes
from jinja2.lexer import Token

from .grammar import ExpressionParser
from .nodes import applied, const

REFUSED_TAGS = frozenset({"include", "import", "from", "extends", "embed", "i18n"})
TRANSPARENT_TAGS = frozenset({"autoescape", "cache", "parallel"})


def block_name(name: str) -> str:
    """A block's name as the Python function it becomes: what can't be one is spelled in hex."""
    return name if name.isidentifier() else "b_" + name.encode().hex()


class PebbleParser(ExpressionParser):
    """Parses a template; what the tags ask of expressions, it asks of `ExpressionParser`."""

    has_loops = False

    def parse(self) -> nodes.Template:
        tree = nodes.Template(self.subparse(), lineno=1)
        self._check_calls()
        if self.macros:  # they may be called before they are met
            tree.body.sort(key=lambda node: not isinstance(node, nodes.Macro))
        if self.has_loops and any(loop.find(nodes.Assign) for loop in tree.find_all(nodes.For)):
            from .loops import LoopAssignments

            tree = LoopAssignments(self, tree).visit(tree)
        tree.set_environment(self.environment)
        return tree

    def _check_calls(self) -> None:
        """Every call is of a macro or of a function that exists."""
        for call in self.calls:
            assert isinstance(call.node, nodes.Const)
            name = call.node.value
            if name in self.macros:
                call.name, call.node = "?macro", nodes.Name(name, "load", lineno=call.lineno)
            elif not self.environment.knows(self.environment.functions, name):
                self.unknown(
                    "Function or Macro [{}] does not exist", name, self.environment.functions, call
                )

    def parse_statement(self) -> nodes.Node | list[nodes.Node]:
        tag = self.stream.current.value
        if tag in REFUSED_TAGS:
            self.fail(f"The tag {tag!r} is not supported")
        if tag in TRANSPARENT_TAGS:
            while self.stream.current.type != "block_end":
                next(self.stream)
            return self.parse_statements((f"name:end{tag}",), drop_needle=True)
        if tag == "flush":
            next(self.stream)
            return []
        return super().parse_statement()

    def fail_unknown_tag(self, name: str, lineno: int | None = None) -> NoReturn:
        if name in ("endraw", "endverbatim"):
            self.fail(f"Unexpected tag name {name!r}", lineno)
        super().fail_unknown_tag(name, lineno)

    def parse_if(self) -> nodes.If:
        node = super().parse_if()
        for branch in [node, *node.elif_]:
            branch.test = self.truth(branch.test, "if")  # type: ignore[arg-type]
        return node

    def parse_for(self) -> nodes.For:
        self.has_loops = True
        node = super().parse_for()
        if node.else_:  # null is no list, not an empty one
            some = applied("?some", const(None, node))
            node.else_ = [nodes.If(some, node.else_, [], [], lineno=node.lineno)]
        texts = (
            part
            for statement in node.body
            for part in [statement, *statement.find_all(nodes.TemplateData)]
        )
        weight = sum(len(text.data) for text in texts if isinstance(text, nodes.TemplateData))
        pairs = isinstance(node.target, nodes.Tuple)
        node.iter = applied(
            "?each",
            node.iter,  # type: ignore[arg-type]
            const(weight, node),
            const(pairs, node),
        )
        if node.test:
            node.test = self.truth(node.test, "if")  # type: ignore[arg-type]
        return node

    def parse_block(self) -> nodes.Block:
        name = self.stream.look()
        if name.type == "string":
            self.stream.tokens[self.stream.position] = Token(
                name.lineno, "name", block_name(name.value)
            )
        return super().parse_block()

    def parse_macro(self) -> nodes.Macro:
        macro = super().parse_macro()
        self.macros.add(macro.name)
        return macro

    def parse_signature(self, node: Any) -> None:
        """`(a, b="x", c)`: a parameter that isn't given and has no value of its own is null."""
        node.args, node.defaults = [], []
        self.stream.expect("lparen")
        while self.stream.current.type != "rparen":
            if node.args:
                self.stream.expect("comma")
            parameter = self.parse_assign_target(name_only=True)
            parameter.set_ctx("param")
            node.args.append(parameter)
            given = self.stream.skip_if("assign")
            node.defaults.append(
                self.parse_expression() if given else nodes.Const(None, lineno=node.lineno)
            )
        self.stream.expect("rparen")
