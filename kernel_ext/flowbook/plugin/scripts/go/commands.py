"""`scripts.go.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, for programs in Go."""

    image: ClassVar[str] = "golang"


ONE_LINE = Example(
    title="A program of one line",
    outputs={"work": {"exitCode": 0}},
    needs="the program go",
    flow="""
id: go-one-line
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.go.Commands
    commands: ['go version']
""",
)
