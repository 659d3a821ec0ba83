"""`scripts.julia.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Julia."""

    image: ClassVar[str] = "julia"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program julia",
    flow="""
id: julia-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.julia.Commands
    commands: ['julia -e "println(6 * 7)"']
""",
)
