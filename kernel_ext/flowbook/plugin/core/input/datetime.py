"""`core.input.Datetime`: the input type DATETIME."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example


class Datetime(Input):
    """A moment: a date and time with its zone, kept in UTC."""

    expects = "a date and time like 2025-01-31T10:00:00Z"
    blank = False

    after: str | None = None
    """The earliest moment allowed."""
    before: str | None = None
    """The latest moment allowed."""

    def parse(self, value: Json) -> Json:
        moment = read(value)
        if self.after is not None and moment < read(self.after):
            raise ValueError(f"it must be after `{self.after}`")
        if self.before is not None and moment > read(self.before):
            raise ValueError(f"it must be before `{self.before}`")
        return write(moment)

    def typed(self, stored: Json) -> datetime | None:
        return None if stored is None else read(stored)


def read(value: Json) -> datetime:
    """A moment in UTC; a date alone is its midnight, a time without zone is UTC."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        raise ValueError(
            f"Expected `DATETIME` but received `{value}` with errors: {error}"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def write(moment: datetime) -> str:
    """The text of a moment, like `2025-01-31T10:00:00Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


MOMENT = Example(
    title="A moment with its zone",
    inputs={"at": "2025-02-03T10:00:00+02:00"},
    logs=("08:00 in UTC",),
    flow="""
id: input-datetime
namespace: demo
inputs:
  - {id: at, type: DATETIME}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.at | date('HH:mm', timeZone='UTC') }} in UTC"}
""",
)
