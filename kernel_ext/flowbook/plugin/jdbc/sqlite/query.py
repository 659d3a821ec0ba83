"""`jdbc.sqlite.Query`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.plugin.jdbc.rows import Fetched, outputs_of

from .session import SqliteTask


class Query(SqliteTask):
    """Run SQL in SQLite; the last statement's rows are the result."""

    async def run(self, context: Context) -> dict[str, Json]:
        results = await self.results(context, each=False)
        last = results[-1] if results else Fetched()
        return await outputs_of(context, last, await self.wanted(context))


KEPT = Example(
    title="A table in a file of the workspace",
    outputs={"ask": {"rows": [{"city": "Oslo", "n": 7}], "size": 1}},
    flow="""
id: a-table-in-sqlite
namespace: demo
tasks:
  - id: ask
    type: io.kestra.plugin.jdbc.sqlite.Query
    url: jdbc:sqlite:example.sqlite
    sql: |
      CREATE TABLE IF NOT EXISTS sales (city TEXT PRIMARY KEY, n INTEGER);
      INSERT OR REPLACE INTO sales VALUES ('Oslo', :n);
      SELECT * FROM sales;
    parameters: {n: 7}
    fetchType: FETCH
""",
)
