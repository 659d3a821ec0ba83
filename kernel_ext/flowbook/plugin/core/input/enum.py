"""`core.input.Enum`: the input type ENUM."""

from __future__ import annotations

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
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
