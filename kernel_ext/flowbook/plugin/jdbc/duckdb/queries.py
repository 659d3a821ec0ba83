"""`jdbc.duckdb.Queries`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example

from .session import DuckdbTask


class Queries(DuckdbTask):
    """Run several SQL statements in DuckDB and hand back the rows of each."""

    async def run(self, context: Context) -> dict[str, Json]:
        results, wanted, stored = await self.results(context, each=True)
        outputs: dict[str, Json] = {
            "outputs": [await self.outputs(context, result, wanted) for result in results]
        }
        if self.output_files is not None:
            outputs["outputFiles"] = stored
        return outputs


TWO = Example(
    title="Two questions in one task",
    logs=("1 and 2",),
    flow="""
id: two-questions
namespace: demo
tasks:
  - id: both
    type: io.kestra.plugin.jdbc.duckdb.Queries
    fetchType: FETCH_ONE
    sql: |
      SELECT 1 AS n;
      SELECT 2 AS n;
  - id: show
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.both.outputs[0].row.n }} and {{ outputs.both.outputs[1].row.n }}"
""",
)
