"""`scripts.julia.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Julia program that stands in the flow."""

    image: ClassVar[str] = "julia"
    extension: ClassVar[str] = ".jl"
    program: ClassVar[tuple[str, ...]] = ("julia",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program julia",
    flow="""
id: julia-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.julia.Script
    script: |
      println("::{\\"outputs\\":{\\"n\\":42}}::")
""",
)
