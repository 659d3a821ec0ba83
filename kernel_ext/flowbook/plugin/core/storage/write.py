"""`core.storage.Write`."""

from __future__ import annotations

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask


class Write(RunnableTask):
    """Store a text as a file."""

    content: Dynamic[str]
    """The text."""
    extension: Dynamic[str] = ""
    """The file's ending, like `.csv`."""

    async def run(self, context: Context) -> dict[str, Json]:
        content = (await context.render(self.content)).encode()
        ending = await context.render(self.extension)
        ending = f".{ending}" if ending and not ending.startswith(".") else ending
        return {"uri": await context.put(content, f"content{ending.replace('/', '-')}")}


NOTE = Example(
    title="Keep a text as a file",
    outputs={"size": {"size": 5}},
    flow="""
id: keep-a-text
namespace: demo
tasks:
  - {id: note, type: io.kestra.plugin.core.storage.Write, content: hello, extension: .txt}
  - {id: size, type: io.kestra.plugin.core.storage.Size, uri: "{{ outputs.note.uri }}"}
""",
)
