"""`core.storage.Reverse`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .records import name_of


class Reverse(RunnableTask):
    """Turn a stored file around: its last line first."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.Reverse",)

    from_: Dynamic[str] = Field(alias="from")
    """The file."""
    separator: Dynamic[str] = "\n"
    """What stands between two lines."""
    charset: Dynamic[str] = "UTF-8"
    """The file's encoding."""

    async def run(self, context: Context) -> dict[str, Json]:
        uri = await context.render(self.from_)
        separator = (await context.render(self.separator)).replace("\\n", "\n")
        charset = await context.render(self.charset)
        try:
            text = (await context.fetch(uri)).read_bytes().decode(charset)
        except (UnicodeDecodeError, LookupError) as error:
            raise TaskFailed(f"{uri} can't be read as {charset}: {error}") from None
        lines = text.removesuffix(separator).split(separator)
        end = separator if text.endswith(separator) else ""
        turned = separator.join(reversed(lines)) + end
        return {"uri": await context.put(turned.encode(charset), name_of(uri))}


AROUND = Example(
    title="Last line first",
    logs=("3\n2\n1",),
    flow="""
id: last-line-first
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: "1\\n2\\n3"}
  - {id: turned, type: io.kestra.plugin.core.storage.Reverse, from: "{{ outputs.file.uri }}"}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ read(outputs.turned.uri) }}"}
""",
)
