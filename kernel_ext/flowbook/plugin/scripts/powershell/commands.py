"""`scripts.powershell.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in PowerShell."""

    image: ClassVar[str] = "mcr.microsoft.com/powershell"
    interpreter: Dynamic[tuple[str, ...]] = ("pwsh", "-NoProfile", "-Command")
    """What reads the commands."""
    fail_fast: Dynamic[bool] = False
    """Accepted; say `$ErrorActionPreference = 'Stop'` instead."""


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program pwsh",
    flow="""
id: powershell-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.powershell.Commands
    commands: ['Write-Output 42']
""",
)
