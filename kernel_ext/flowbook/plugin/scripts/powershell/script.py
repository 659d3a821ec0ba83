"""`scripts.powershell.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a PowerShell program that stands in the flow."""

    image: ClassVar[str] = "mcr.microsoft.com/powershell"
    extension: ClassVar[str] = ".ps1"
    program: ClassVar[tuple[str, ...]] = ("pwsh", "-NoProfile", "-File")


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program pwsh",
    flow="""
id: powershell-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.powershell.Script
    script: |
      Write-Output '::{"outputs":{"n":42}}::'
""",
)
