"""`scripts.php.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in PHP."""

    image: ClassVar[str] = "php"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program php",
    flow="""
id: php-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.php.Commands
    commands: ['php -r "echo 6 * 7;"']
""",
)
