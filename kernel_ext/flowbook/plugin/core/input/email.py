"""`core.input.Email`: the input type EMAIL."""

from __future__ import annotations

import re

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example

ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s.]([^@\s]{0,252}[^@\s.])?")


class Email(Input):
    """An address for mail; an empty text counts as none."""

    expects = "an address like ada@example.org"

    def parse(self, value: Json) -> Json:
        given = text(value)
        if given and not ADDRESS.fullmatch(given):
            raise ValueError("The input must be a valid email")
        return given


TO = Example(
    title="An address for mail",
    inputs={"to": "ada@example.org"},
    logs=("to ada@example.org",),
    flow="""
id: input-email
namespace: demo
inputs:
  - {id: to, type: EMAIL}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "to {{ inputs.to }}"}
""",
)
