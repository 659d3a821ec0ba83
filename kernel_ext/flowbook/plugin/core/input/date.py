"""`core.input.Date`: the input type DATE."""

from __future__ import annotations

import datetime as dates
import re

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Date(Input):
    """A day of the calendar."""

    expects = "a day like 2025-01-31"
    blank = False

    after: str | None = None
    """The earliest day allowed."""
    before: str | None = None
    """The latest day allowed."""

    def parse(self, value: Json) -> Json:
        day = read(value)
        if self.after is not None and day < read(self.after):
            raise ValueError(f"it must be after `{self.after}`")
        if self.before is not None and day > read(self.before):
            raise ValueError(f"it must be before `{self.before}`")
        return day.isoformat()

    def typed(self, stored: Json) -> dates.date | None:
        return None if stored is None else read(stored)


def read(value: Json) -> dates.date:
    """A day from its text."""
    if isinstance(value, dates.datetime):
        return value.date()
    if isinstance(value, dates.date):
        return value
    given = str(value).strip()
    try:
        if not DAY.fullmatch(given):
            raise ValueError("a day is written like 2025-01-31")
        return dates.date.fromisoformat(given)
    except ValueError as error:
        raise ValueError(f"Expected `DATE` but received `{value}` with errors: {error}") from None


BORN = Example(
    title="A day, not before another",
    inputs={"day": "2025-02-03"},
    logs=("03.02.2025",),
    flow="""
id: input-date
namespace: demo
inputs:
  - {id: day, type: DATE, after: "2025-01-01"}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.day | date('dd.MM.yyyy') }}"}
""",
)
