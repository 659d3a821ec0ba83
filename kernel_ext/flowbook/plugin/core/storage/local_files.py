"""`core.storage.LocalFiles`."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask
from flowbook.plugin import files


class LocalFiles(RunnableTask):
    """Put files into the working directory and store what is there. `inputFiles` and `outputFiles` of other tasks
    do the same without it."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.LocalFiles",)

    inputs: Json = None
    """Files for the working directory: name → text or storage URI."""
    outputs: Dynamic[tuple[str, ...] | None] = None
    """Globs of files to store; the output `uris` has their URIs."""

    async def run(self, context: Context) -> dict[str, Json]:
        directory = context.directory
        if self.inputs is not None:
            await files.put_files(context, self.inputs, directory, {"workingDir": str(directory)})
        patterns = await context.render(self.outputs) or ()
        names = await asyncio.to_thread(files.matching, directory, patterns)
        return {"uris": await files.store_files(context, directory, names)}


HANDED_ON = Example(
    title="Files for the tasks of a working directory",
    outputs={"keep": {"uris": {}}},
    logs=("2 lines",),
    flow="""
id: files-for-a-directory
namespace: demo
tasks:
  - id: place
    type: io.kestra.plugin.core.flow.WorkingDirectory
    tasks:
      - id: bring
        type: io.kestra.plugin.core.storage.LocalFiles
        inputs:
          notes/list.txt: |
            one
            two
      - id: count
        type: io.kestra.plugin.scripts.shell.Commands
        commands: ['echo "$(grep -c . notes/list.txt) lines"']
      - id: keep
        type: io.kestra.plugin.core.storage.LocalFiles
        outputs: ["notes/*"]
""",
)
