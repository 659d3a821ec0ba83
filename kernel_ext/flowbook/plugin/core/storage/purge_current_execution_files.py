"""`core.storage.PurgeCurrentExecutionFiles`."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class PurgeCurrentExecutionFiles(RunnableTask):
    """Delete all files that this execution has stored so far."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.storages.PurgeExecution",
        "io.kestra.plugin.core.storage.PurgeExecution",
    )

    async def run(self, context: Context) -> dict[str, Json]:
        storage = context.engine.storage
        place = f"{storage.flow_prefix(context.namespace, context.flow_id)}/executions"
        uris = await asyncio.to_thread(storage.list, f"{place}/{context.execution_id}")
        for uri in uris:
            await asyncio.to_thread(storage.delete, uri)
        return {"uris": uris}


NOTHING_LEFT = Example(
    title="Leave no files behind",
    logs=("1 deleted",),
    flow="""
id: leave-nothing
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: abc}
  - {id: purge, type: io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.purge.uris | length }} deleted"}
""",
)
