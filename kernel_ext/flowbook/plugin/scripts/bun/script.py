"""`scripts.bun.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Bun program that stands in the flow."""

    image: ClassVar[str] = "oven/bun"
    extension: ClassVar[str] = ".ts"
    program: ClassVar[tuple[str, ...]] = ("bun", "run")


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program bun",
    flow="""
id: bun-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.bun.Script
    script: |
      console.log("::" + JSON.stringify({outputs: {n: 42}}) + "::")
""",
)
