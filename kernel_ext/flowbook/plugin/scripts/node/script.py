"""`scripts.node.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Node.js program that stands in the flow."""

    image: ClassVar[str] = "node"
    extension: ClassVar[str] = ".js"
    program: ClassVar[tuple[str, ...]] = ("node",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program node",
    flow="""
id: node-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.node.Script
    script: |
      console.log("::" + JSON.stringify({outputs: {n: 6 * 7}}) + "::")
""",
)
