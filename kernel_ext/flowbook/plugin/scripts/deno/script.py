"""`scripts.deno.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Deno program that stands in the flow."""

    image: ClassVar[str] = "denoland/deno"
    extension: ClassVar[str] = ".ts"
    program: ClassVar[tuple[str, ...]] = ("deno", "run")


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program deno",
    flow="""
id: deno-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.deno.Script
    script: |
      console.log("::" + JSON.stringify({outputs: {n: 42}}) + "::")
""",
)
