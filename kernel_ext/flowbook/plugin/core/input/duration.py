"""`core.input.Duration`: the input type DURATION."""

from __future__ import annotations

from datetime import timedelta

from flowbook.kinds.durations import iso, parse_duration
from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example


class Duration(Input):
    """A length of time."""

    expects = "a duration like PT30S, PT5M or P1D"
    blank = False

    min: str | None = None
    """The shortest duration allowed."""
    max: str | None = None
    """The longest duration allowed."""

    def parse(self, value: Json) -> Json:
        length = read(value)
        if self.min is not None and length < read(self.min):
            raise ValueError(f"It must be more than `{self.min}`")
        if self.max is not None and length > read(self.max):
            raise ValueError(f"It must be less than `{self.max}`")
        return iso(length)

    def typed(self, stored: Json) -> timedelta | None:
        return None if stored is None else read(stored)


def read(value: Json) -> timedelta:
    """A length of time from its text or a number of seconds."""
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(
            f"Expected `DURATION` but received `{value}` with errors: {error}"
        ) from None


WAIT = Example(
    title="A length of time with an upper bound",
    inputs={"wait": "PT5M"},
    logs=("waits PT5M",),
    flow="""
id: input-duration
namespace: demo
inputs:
  - {id: wait, type: DURATION, max: PT1H}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "waits {{ inputs.wait }}"}
""",
)
