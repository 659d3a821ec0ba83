"""`scripts.ruby.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Ruby program that stands in the flow."""

    image: ClassVar[str] = "ruby"
    extension: ClassVar[str] = ".rb"
    program: ClassVar[tuple[str, ...]] = ("ruby",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program ruby",
    flow="""
id: ruby-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.ruby.Script
    script: |
      puts '::{"outputs":{"n":42}}::'
""",
)
