"""`jdbc.sqlite.Queries`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.plugin.jdbc.rows import outputs_of

from .session import SqliteTask


class Queries(SqliteTask):
    """Run several SQL statements in SQLite and hand back the rows of each."""

    async def run(self, context: Context) -> dict[str, Json]:
        wanted = await self.wanted(context)
        results = await self.results(context, each=True)
        return {"outputs": [await outputs_of(context, result, wanted) for result in results]}


TWO = Example(
    title="Two questions in one task",
    logs=("1 and 2",),
    flow="""
id: two-questions-to-sqlite
namespace: demo
tasks:
  - id: both
    type: io.kestra.plugin.jdbc.sqlite.Queries
    fetchType: FETCH_ONE
    sql: SELECT 1 AS n; SELECT 2 AS n
  - id: show
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.both.outputs[0].row.n }} and {{ outputs.both.outputs[1].row.n }}"
""",
)
