"""`scripts.ruby.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Ruby."""

    image: ClassVar[str] = "ruby"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program ruby",
    flow="""
id: ruby-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.ruby.Commands
    commands: ['ruby -e "puts 6 * 7"']
""",
)
