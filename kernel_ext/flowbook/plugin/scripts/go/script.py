"""`scripts.go.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Go program that stands in the flow."""

    image: ClassVar[str] = "golang"
    extension: ClassVar[str] = ".go"
    program: ClassVar[tuple[str, ...]] = ("go", "run")


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program go",
    flow="""
id: go-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.go.Script
    script: |
      package main
      import "fmt"
      func main() { fmt.Println(`::{"outputs":{"n":42}}::`) }
""",
)
