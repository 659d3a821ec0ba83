"""`core.input.Bool`: the input type BOOL."""

from __future__ import annotations

from typing import ClassVar

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example


class Bool(Input):
    """Yes or no: the text `true` in any case of letters is true, any other text is false."""

    aliases: ClassVar[tuple[str, ...]] = ("BOOLEAN",)
    expects = "true or false"

    def parse(self, value: Json) -> Json:
        if isinstance(value, bool):
            return value
        return str(value).strip().lower() == "true"


DRY = Example(
    title="A switch",
    inputs={"dry": "true"},
    logs=("only looked",),
    flow="""
id: input-bool
namespace: demo
inputs:
  - {id: dry, type: BOOL, defaults: false}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.dry ? 'only looked' : 'written' }}"}
""",
)
