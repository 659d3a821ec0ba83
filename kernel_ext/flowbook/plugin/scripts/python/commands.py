"""`scripts.python.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell where `python` is the one flowbook runs on."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.scripts.Python",)
    image: ClassVar[str] = "python:3-slim"


RUN_FILE = Example(
    title="Run a file",
    logs=("6 x 7 = 42",),
    flow="""
id: run-a-file
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.python.Commands
    inputFiles:
      main.py: print("6 x 7 =", 6 * 7)
    commands:
      - python main.py
""",
)
