"""`scripts.perl.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Perl."""

    image: ClassVar[str] = "perl"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program perl",
    flow="""
id: perl-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.perl.Commands
    commands: ['perl -e "print 6 * 7"']
""",
)
