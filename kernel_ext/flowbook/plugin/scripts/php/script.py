"""`scripts.php.Script`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a PHP program that stands in the flow."""

    image: ClassVar[str] = "php"
    extension: ClassVar[str] = ".php"
    program: ClassVar[tuple[str, ...]] = ("php",)


ANSWER = Example(
    title="Hand a number on",
    outputs={"work": {"exitCode": 0, "vars": {"n": 42}}},
    needs="the program php",
    flow="""
id: php-answer
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.php.Script
    script: |
      <?php echo '::{"outputs":{"n":42}}::' . PHP_EOL;
""",
)
