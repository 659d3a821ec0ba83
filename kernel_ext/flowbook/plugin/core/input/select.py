"""`core.input.Select`: the input type SELECT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text


def _value(item: Any) -> Any:
    return text(item["value"]) if isinstance(item, dict) and "value" in item else text(item)


Choice = Annotated[str, BeforeValidator(_value)]
"""A value to choose: a text, or a map of `label` and `value`."""


class Select(Input):
    """One of several values."""

    expects = "one of its values"

    values: tuple[Choice, ...] | None = None
    """The values to choose from."""
    expression: str | None = None
    """A template that gives the list of values."""
    allow_custom_value: bool = False
    """Whether other values are taken too."""
    is_radio: bool = False
    """Forms show buttons instead of a list."""
    auto_select_first: bool = False
    """The first value is taken when none is given."""

    def parse(self, value: Json) -> Json:
        given = text(value)
        if self.values is not None and self.required and not self.allow_custom_value:
            one_of(self.values, given)
        return given

    def offered(self) -> Sequence[str] | None:
        return self.values or self.choices


def one_of(values: Sequence[str], given: str) -> None:
    """Raises `ValueError` unless the value is one of those."""
    if given not in values:
        raise ValueError(f"it must match the values `[{', '.join(values)}]`")
