"""`core.input.Select`: the input type SELECT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import WrapValidator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, Labelled, text
from flowbook.kinds.part import Example


def _choice(item: Any, inward: Any) -> str:
    if not isinstance(item, Mapping) or "value" not in item:
        return str(inward(text(item)))
    value = str(inward(text(item["value"])))
    return value if item.get("label") is None else Labelled(value, text(item["label"]))


Choice = Annotated[str, WrapValidator(_choice)]
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


REGION = Example(
    title="A region to choose, or one of one's own",
    inputs={"region": "west"},
    logs=("in the west",),
    flow="""
id: input-select
namespace: demo
inputs:
  - {id: region, type: SELECT, values: [north, south], allowCustomValue: true}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "in the {{ inputs.region }}"}
""",
)
