"""`core.input.Time`: the input type TIME."""

from __future__ import annotations

import datetime as dates
import re

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example

CLOCK = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?")


class Time(Input):
    """A time of day."""

    expects = "a time like 09:05 or 09:05:30"
    blank = False

    after: str | None = None
    """The earliest time allowed."""
    before: str | None = None
    """The latest time allowed."""

    def parse(self, value: Json) -> Json:
        clock = read(value)
        if self.after is not None and clock < read(self.after):
            raise ValueError(f"it must be after `{self.after}`")
        if self.before is not None and clock > read(self.before):
            raise ValueError(f"it must be before `{self.before}`")
        return write(clock)

    def typed(self, stored: Json) -> dates.time | None:
        return None if stored is None else read(stored)


def read(value: Json) -> dates.time:
    """A time of day from its text."""
    if isinstance(value, dates.time):
        return value
    given = str(value).strip()
    try:
        if not CLOCK.fullmatch(given):
            raise ValueError("a time is written like 09:05 or 09:05:30")
        return dates.time.fromisoformat(given)
    except ValueError as error:
        raise ValueError(f"Expected `TIME` but received `{value}` with errors: {error}") from None


def write(clock: dates.time) -> str:
    """The text of a time: seconds only if there are some."""
    return clock.isoformat() if clock.second or clock.microsecond else clock.isoformat("minutes")


HOUR = Example(
    title="A time of day",
    inputs={"at": "09:05"},
    logs=("at 09:05",),
    flow="""
id: input-time
namespace: demo
inputs:
  - {id: at, type: TIME, before: "12:00"}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "at {{ inputs.at }}"}
""",
)
