"""`core.storage.Delete`."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from flowbook.errors import NotFound, TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Delete(RunnableTask):
    """Delete a stored file of this execution."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.Delete",)

    uri: Dynamic[str]
    """The file."""
    error_on_missing: Dynamic[bool] = False
    """A file that isn't there is a failure."""

    async def run(self, context: Context) -> dict[str, Json]:
        uri = await context.render(self.uri)
        try:
            await context.fetch(uri)  # only what the execution may read
            deleted = await asyncio.to_thread(context.engine.storage.delete, uri)
        except TaskFailed as error:
            if error.kind != NotFound.__name__:
                raise
            deleted = False
        if not deleted and await context.render(self.error_on_missing):
            raise TaskFailed(f"There is no file '{uri}' to delete")
        return {"uri": uri, "deleted": deleted}


TIDY = Example(
    title="Delete a file that is no longer needed",
    outputs={"tidy": {"deleted": True}},
    flow="""
id: tidy-up
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: abc}
  - {id: tidy, type: io.kestra.plugin.core.storage.Delete, uri: "{{ outputs.file.uri }}"}
""",
)
