"""`scripts.deno.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Deno."""

    image: ClassVar[str] = "denoland/deno"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program deno",
    flow="""
id: deno-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.deno.Commands
    commands: ['deno eval "console.log(6 * 7)"']
""",
)
