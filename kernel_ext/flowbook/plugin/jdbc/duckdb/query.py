"""`jdbc.duckdb.Query`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.plugin.jdbc.rows import Fetched

from .session import DuckdbTask


class Query(DuckdbTask):
    """Run SQL in DuckDB; the last statement's rows are the result."""

    async def run(self, context: Context) -> dict[str, Json]:
        results, wanted, stored = await self.results(context, each=False)
        last = results[-1] if results else Fetched()
        outputs = await self.outputs(context, last, wanted)
        if self.output_files is not None:
            outputs["outputFiles"] = stored
        return outputs


TOTALS = Example(
    title="Totals of a CSV file",
    logs=("Oslo 7",),
    outputs={"totals": {"size": 2, "rows": [{"city": "Oslo", "n": 7}, {"city": "Rome", "n": 5}]}},
    flow="""
id: totals
namespace: demo
tasks:
  - id: totals
    type: io.kestra.plugin.jdbc.duckdb.Query
    inputFiles:
      sales.csv: |
        city,n
        Oslo,3
        Rome,5
        Oslo,4
    sql: SELECT city, sum(n)::INTEGER AS n FROM 'sales.csv' GROUP BY city ORDER BY city
    fetchType: FETCH
  - id: show
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.totals.rows[0].city }} {{ outputs.totals.rows[0].n }}"
""",
)
