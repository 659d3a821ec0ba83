"""`scripts.r.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run an R program that stands in the flow."""

    image: ClassVar[str] = "r-base"
    extension: ClassVar[str] = ".R"
    program: ClassVar[tuple[str, ...]] = ("Rscript",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program Rscript",
    flow="""
id: r-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.r.Script
    script: |
      cat('::{"outputs":{"n":42}}::\\n')
""",
)
