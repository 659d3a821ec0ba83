"""`core.namespace.DownloadFiles`."""

from __future__ import annotations

from pathlib import PurePosixPath
from uuid import uuid4

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .tree import matching, root_of


class DownloadFiles(RunnableTask):
    """Copy files of a namespace into this execution's storage."""

    namespace: Dynamic[str | None] = None
    """The namespace; this flow's own if left out."""
    files: Dynamic[tuple[str, ...] | str]
    """Names or globs."""
    destination: Dynamic[str] = ""
    """A folder put before the names."""

    async def run(self, context: Context) -> dict[str, Json]:
        root = root_of(context, await context.render(self.namespace))
        given = await context.render(self.files)
        folder = (await context.render(self.destination)).rstrip("/")
        stored: dict[str, Json] = {}
        for name in matching(root, (given,) if isinstance(given, str) else given):
            uri = await context.put(root / name, f"{uuid4().hex[:12]}-{PurePosixPath(name).name}")
            stored[f"{folder}/{name}"] = uri
        return {"files": stored}


COPY = Example(
    title="Use a file of the namespace",
    logs=("shared",),
    flow="""
id: use-a-shared-file
namespace: demo.shared
tasks:
  - {id: put, type: io.kestra.plugin.core.namespace.UploadFiles, filesMap: {a.txt: shared}}
  - {id: get, type: io.kestra.plugin.core.namespace.DownloadFiles, files: ["*.txt"]}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ read(outputs.get.files['/a.txt']) }}"}
""",
)
