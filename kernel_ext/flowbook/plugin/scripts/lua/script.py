"""`scripts.lua.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Lua program that stands in the flow."""

    image: ClassVar[str] = "lua"
    extension: ClassVar[str] = ".lua"
    program: ClassVar[tuple[str, ...]] = ("lua",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program lua",
    flow="""
id: lua-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.lua.Script
    script: |
      print('::{"outputs":{"n":42}}::')
""",
)
