"""`core.storage.DeduplicateItems`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .records import lines_of, name_of, put_lines, row_of


class DeduplicateItems(RunnableTask):
    """Keep the last record for each key of a file with one record per line."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.DeduplicateItems",)

    from_: Dynamic[str] = Field(alias="from")
    """The file."""
    expr: str
    """The key, rendered with the record's fields."""

    async def run(self, context: Context) -> dict[str, Json]:
        uri = await context.render(self.from_)
        path = await context.fetch(uri)
        last: dict[str, int] = {}
        total = 0
        for total, line in enumerate(lines_of(path), 1):
            last[await context.render_text(self.expr, row_of(line))] = total
        kept = set(last.values())
        lines = (line for number, line in enumerate(lines_of(path), 1) if number in kept)
        return {
            "uri": await put_lines(context, lines, name_of(uri)),
            "numKeys": len(last),
            "processedItemsTotal": total,
            "droppedItemsTotal": total - len(last),
        }


LAST_WINS = Example(
    title="The last record of each id",
    outputs={"unique": {"numKeys": 2, "processedItemsTotal": 3, "droppedItemsTotal": 1}},
    flow="""
id: last-of-each-id
namespace: demo
tasks:
  - id: file
    type: io.kestra.plugin.core.storage.Write
    content: |
      {"id": 1, "v": "old"}
      {"id": 2, "v": "b"}
      {"id": 1, "v": "new"}
  - id: unique
    type: io.kestra.plugin.core.storage.DeduplicateItems
    from: "{{ outputs.file.uri }}"
    expr: "{{ id }}"
""",
)
