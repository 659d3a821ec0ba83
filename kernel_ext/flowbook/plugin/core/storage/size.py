"""`core.storage.Size`."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Size(RunnableTask):
    """Say how many bytes a stored file has."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.Size",)

    uri: Dynamic[str]
    """The file."""

    async def run(self, context: Context) -> dict[str, Json]:
        return {"size": (await context.fetch(await context.render(self.uri))).stat().st_size}


THREE = Example(
    title="The size of a file",
    outputs={"size": {"size": 3}},
    flow="""
id: size-of-a-file
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: abc}
  - {id: size, type: io.kestra.plugin.core.storage.Size, uri: "{{ outputs.file.uri }}"}
""",
)
