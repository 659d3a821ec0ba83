"""`core.storage.Concat`."""

from __future__ import annotations

import shutil
from typing import ClassVar

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.files import text_list


class Concat(RunnableTask):
    """Put several stored files together, one after another."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.Concat",)

    files: Dynamic[tuple[str, ...] | str]
    """The files' URIs, as a list or its JSON text."""
    separator: Dynamic[str | None] = None
    """Written after every file."""
    extension: Dynamic[str] = ".tmp"
    """The new file's ending."""

    async def run(self, context: Context) -> dict[str, Json]:
        separator = (await context.render(self.separator) or "").encode()
        path = context.run_folder / f"concat{await context.render(self.extension)}"
        with path.open("wb") as target:
            for uri in await text_list(context, self.files, {}):
                with (await context.fetch(uri)).open("rb") as source:
                    shutil.copyfileobj(source, target)
                target.write(separator)
        return {"uri": await context.put(path, path.name)}


TOGETHER = Example(
    title="Two files as one",
    logs=("a b ",),
    flow="""
id: two-files-as-one
namespace: demo
tasks:
  - {id: a, type: io.kestra.plugin.core.storage.Write, content: a}
  - {id: b, type: io.kestra.plugin.core.storage.Write, content: b}
  - id: both
    type: io.kestra.plugin.core.storage.Concat
    files: ["{{ outputs.a.uri }}", "{{ outputs.b.uri }}"]
    separator: " "
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ read(outputs.both.uri) }}"}
""",
)
