"""`core.storage.FilterItems`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flowbook.errors import ExpressionError
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Condition, RunnableTask
from flowbook.plugin.spelling import AnyCase

from .records import lines_of, name_of, put_lines, row_of


class FilterType(AnyCase):
    """What happens to a record for which the condition is true."""

    INCLUDE = "INCLUDE"
    EXCLUDE = "EXCLUDE"


class ErrorOrNull(AnyCase):
    """What happens to a record for which there is no answer."""

    FAIL = "FAIL"
    INCLUDE = "INCLUDE"
    EXCLUDE = "EXCLUDE"


class FilterItems(RunnableTask):
    """Keep the records of a file that a condition is true for, or the others."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.FilterItems",)

    from_: Dynamic[str] = Field(alias="from")
    """The file, one record per line."""
    filter_condition: Condition
    """Rendered with the record's fields."""
    filter_type: Dynamic[FilterType] = FilterType.INCLUDE
    """INCLUDE keeps the records it is true for, EXCLUDE the others."""
    error_or_null_behavior: Dynamic[ErrorOrNull] = ErrorOrNull.FAIL
    """A condition that fails or gives nothing: FAIL, INCLUDE or EXCLUDE the record."""

    async def run(self, context: Context) -> dict[str, Json]:
        uri = await context.render(self.from_)
        wanted = await context.render(self.filter_type) is FilterType.INCLUDE
        doubtful = await context.render(self.error_or_null_behavior)
        kept, total = [], 0
        for line in lines_of(await context.fetch(uri)):
            total += 1
            if await self._stays(context, row_of(line), wanted, doubtful):
                kept.append(line)
        return {
            "uri": await put_lines(context, kept, name_of(uri)),
            "processedItemsTotal": total,
            "droppedItemsTotal": total - len(kept),
        }

    async def _stays(
        self, context: Context, row: dict[str, Json], wanted: bool, doubtful: ErrorOrNull
    ) -> bool:
        try:
            if await context.render_text(self.filter_condition, row):
                return await context.truth(self.filter_condition, row) is wanted
        except ExpressionError:
            if doubtful is ErrorOrNull.FAIL:
                raise
        if doubtful is ErrorOrNull.FAIL:
            raise ExpressionError(f"The condition gives nothing for {row}")
        return doubtful is ErrorOrNull.INCLUDE


LARGE_ONES = Example(
    title="Records above a limit",
    outputs={"large": {"processedItemsTotal": 3, "droppedItemsTotal": 1}},
    flow="""
id: records-above
namespace: demo
tasks:
  - id: file
    type: io.kestra.plugin.core.storage.Write
    content: |
      {"v": 1}
      {"v": 2}
      {"v": 3}
  - id: large
    type: io.kestra.plugin.core.storage.FilterItems
    from: "{{ outputs.file.uri }}"
    filterCondition: "{{ v > 1 }}"
""",
)
