"""`core.input.File`: the input type FILE."""

from __future__ import annotations

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example


class File(Input):
    """A file: its URI in the storage, or a path that the caller may read."""

    expects = "a kestra:/// URI or a path"
    blank = False

    extension: str | None = None
    """Older way to say the ending of the stored file's name."""
    allowed_file_extensions: tuple[str, ...] | None = None
    """The endings allowed, like `.csv`."""

    def parse(self, value: Json) -> Json:
        given = text(value)
        if not given.strip():
            raise ValueError("it must be the URI or the path of a file")
        allowed = self.allowed_file_extensions
        if allowed and not given.lower().endswith(tuple(ending.lower() for ending in allowed)):
            raise ValueError(f"its name must end with one of `[{', '.join(allowed)}]`")
        return given


DATA = Example(
    title="A file of the caller's",
    inputs={"data": "numbers.csv"},
    files={"numbers.csv": "a\n1\n2\n3"},
    logs=("7 characters",),
    flow="""
id: input-file
namespace: demo
inputs:
  - {id: data, type: FILE, allowedFileExtensions: [.csv]}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ read(inputs.data) | length }} characters"}
""",
)
