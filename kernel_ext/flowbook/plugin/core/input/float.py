"""`core.input.Float`: the input type FLOAT."""

from __future__ import annotations

import math
import re

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example
from flowbook.plugin.core.input.int import within

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Float(Input):
    """A number."""

    expects = "a number like 1.5 or 1e3"
    blank = False

    min: float | None = None
    """The least value allowed."""
    max: float | None = None
    """The greatest value allowed."""

    def parse(self, value: Json) -> Json:
        if (isinstance(value, int | float) and not isinstance(value, bool)) or (
            isinstance(value, str) and NUMBER.fullmatch(value.strip())
        ):
            number = float(value)
        else:
            raise ValueError(f'For input string: "{value}"')
        if not math.isfinite(number):
            return None
        within(number, self.min, self.max)
        return number


RATE = Example(
    title="A number with a default",
    inputs={},
    logs=("2.0 in four",),
    flow="""
id: input-float
namespace: demo
inputs:
  - {id: rate, type: FLOAT, defaults: 0.5}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.rate * 4 }} in four"}
""",
)
