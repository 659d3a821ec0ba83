"""Jinja2's code generator, with lazy operands and outputs that keep their values."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

LAZY = {
    "??": "coalesce",
    "???": "coalesce_undefined",
    "?? raise": "present",
    "??? raise": "exists",
    "?attempt": "attempt",
    "?reading": "first_reading",
}
"""Filters whose operands are handed over unevaluated, and the environment's method that gets them."""


class PebbleCodeGenerator(CodeGenerator):
    """Jinja2's, with lazy operands and outputs that keep their values."""

    def visit_Filter(self, node: nodes.Filter, frame: Frame, **options: Any) -> None:
        if node.name not in LAZY:
            super().visit_Filter(node, frame, **options)
            return
        assert node.node is not None
        self.write(f"environment.{LAZY[node.name]}(")
        for operand in (node.node, *node.args):
            self.write("lambda: ")
            self.visit(operand, frame)
            self.write(", ")
        self.write(")")

    def _make_finalize(self) -> Any:
        return self._FinalizeInfo(
            None, None
        )  # no constant is printed while compiling: it counts as well

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        is_outside = frame.buffer is None  # of `set`, `macro` and `filter` blocks, which make text
        self.write("environment.emitted(" if is_outside else "environment.written(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write(")")
