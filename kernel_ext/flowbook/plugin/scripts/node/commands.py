"""`scripts.node.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Node.js."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.scripts.Node",)
    image: ClassVar[str] = "node"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program node",
    flow="""
id: node-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.node.Commands
    commands: ['node -e "console.log(6 * 7)"']
""",
)
