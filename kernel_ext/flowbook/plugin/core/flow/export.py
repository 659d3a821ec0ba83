"""`core.flow.Export`."""

from __future__ import annotations

import io
import re
import zipfile
from typing import ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Recover, RunnableTask


class Export(RunnableTask):
    """Store the YAML of flows as files, and all of them as a zip."""

    recovers: ClassVar[Recover] = Recover.RESTART

    namespace: Dynamic[str | None] = None
    """A regular expression for namespaces; this flow's own if left out."""
    flow_id: Dynamic[str] = ".*"
    """A regular expression for ids."""

    async def run(self, context: Context) -> dict[str, Json]:
        namespace = await context.render(self.namespace)
        wanted = _pattern(namespace) if namespace else _pattern(re.escape(context.namespace))
        ids = _pattern(await context.render(self.flow_id))
        rows = await context.engine.store.query("flows_latest", namespace=None, q=None)
        files: dict[str, str] = {}
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for row in rows:
                if (
                    row["source"]
                    and wanted.fullmatch(row["namespace"])
                    and ids.fullmatch(row["id"])
                ):
                    name = f"{row['namespace']}.{row['id']}.yml"
                    files[name] = await context.put(row["source"].encode(), name)
                    zipped.writestr(name, row["source"])
        uri = await context.put(archive.getvalue(), "flows.zip")
        return {"files": files, "outputFiles": files, "uri": uri, "count": len(files)}


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise TaskFailed(f"'{text}' is no regular expression: {error}") from None


BACKUP = Example(
    title="Keep a copy of a namespace's flows",
    outputs={"backup": {"count": 0}},
    flow="""
id: backup
namespace: demo
tasks:
  - {id: backup, type: io.kestra.plugin.core.flow.Export, namespace: 'no\\.such\\.namespace'}
""",
)
