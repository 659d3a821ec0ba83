"""`scripts.bun.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Bun."""

    image: ClassVar[str] = "oven/bun"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program bun",
    flow="""
id: bun-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.bun.Commands
    commands: ['bun --version']
""",
)
