"""`scripts.shell.Commands`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import CommandsTask


class Commands(CommandsTask):
    """Run commands in a shell, one after another."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.scripts.Bash",)


HELLO = Example(
    title="Say hello and keep a file",
    logs=("hello from the shell",),
    flow="""
id: hello-shell
namespace: demo
tasks:
  - id: hello
    type: io.kestra.plugin.scripts.shell.Commands
    env: {WHERE: shell}
    outputFiles: ["*.txt"]
    commands:
      - echo "hello from the $WHERE" | tee hello.txt
""",
)
