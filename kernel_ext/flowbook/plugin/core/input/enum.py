"""`core.input.Enum`: the input type ENUM."""

from __future__ import annotations

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example
from flowbook.plugin.core.input.select import Choice, one_of


class Enum(Input):
    """One of several values; the older name of SELECT."""

    expects = "one of its values"

    values: tuple[Choice, ...]
    """The values to choose from."""

    def parse(self, value: Json) -> Json:
        given = text(value)
        one_of(self.values, given)
        return given

    def offered(self) -> tuple[str, ...]:
        return self.values


SIZE = Example(
    title="One of several values",
    inputs={"size": "large"},
    logs=("a large one",),
    flow="""
id: input-enum
namespace: demo
inputs:
  - {id: size, type: ENUM, values: [small, large]}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "a {{ inputs.size }} one"}
""",
)
