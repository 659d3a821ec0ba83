"""`core.input.Int`: the input type INT."""

from __future__ import annotations

import re

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example

WHOLE = re.compile(r"[+-]?[0-9]{1,300}")


class Int(Input):
    """A whole number."""

    expects = "a whole number like 42"
    blank = False

    min: int | None = None
    """The least value allowed."""
    max: int | None = None
    """The greatest value allowed."""

    def parse(self, value: Json) -> Json:
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, str) and WHOLE.fullmatch(value):
            number = int(value)
        else:
            raise ValueError(f'For input string: "{value}"')
        within(number, self.min, self.max)
        return number


def within(number: float, least: float | None, most: float | None) -> None:
    """Raises `ValueError` for a number outside its bounds, which belong to it."""
    if least is not None and number < least:
        raise ValueError(f"it must be more than `{least}`")
    if most is not None and number > most:
        raise ValueError(f"it must be less than `{most}`")


COUNT = Example(
    title="A whole number within bounds",
    inputs={"count": "4"},
    logs=("5 with one more",),
    flow="""
id: input-int
namespace: demo
inputs:
  - {id: count, type: INT, min: 1, max: 10}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.count + 1 }} with one more"}
""",
)
