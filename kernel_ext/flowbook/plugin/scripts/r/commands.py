"""`scripts.r.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in R."""

    image: ClassVar[str] = "r-base"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program Rscript",
    flow="""
id: r-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.r.Commands
    commands: ['Rscript -e "cat(6 * 7)"']
""",
)
