"""`scripts.shell.Script`."""

from __future__ import annotations

from collections.abc import Sequence

from flowbook.kinds.context import Context
from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask, Place


class Script(InlineScriptTask):
    """Run a shell script that stands in the flow."""

    async def lines(self, context: Context, place: Place) -> Sequence[str]:
        return [await context.render_text(str(self.script), place.extra)]


COUNT = Example(
    title="Count lines",
    outputs={"count": {"vars": {"lines": 2}}},
    flow="""
id: count-lines
namespace: demo
tasks:
  - id: count
    type: io.kestra.plugin.scripts.shell.Script
    inputFiles:
      notes.txt: |
        one
        two
    script: |
      lines=$(wc -l < notes.txt)
      echo '::{"outputs":{"lines":'$lines'}}::'
""",
)
