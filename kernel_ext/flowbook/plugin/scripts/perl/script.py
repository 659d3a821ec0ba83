"""`scripts.perl.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Perl program that stands in the flow."""

    image: ClassVar[str] = "perl"
    extension: ClassVar[str] = ".pl"
    program: ClassVar[tuple[str, ...]] = ("perl",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program perl",
    flow="""
id: perl-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.perl.Script
    script: |
      print '::{"outputs":{"n":42}}::' . "\\n";
""",
)
