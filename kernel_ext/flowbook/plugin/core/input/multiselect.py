"""`core.input.Multiselect`: the input type MULTISELECT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, field_validator, model_validator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.input import Input, text
from flowbook.kinds.part import Example
from flowbook.plugin.core.input.array import checked_item_type, items_of, read_items
from flowbook.plugin.core.input.select import Choice, one_of


class Multiselect(Input):
    """Any number of several values."""

    expects = 'a list of its values like ["a", "b"]'
    blank = False

    values: tuple[Choice, ...] | None = None
    """The values to choose from."""
    options: tuple[Choice, ...] | None = None
    """Older name of `values`."""
    expression: str | None = None
    """A template that gives the list of values."""
    item_type: Annotated[str, BeforeValidator(lambda v: str(v).upper())] = "STRING"
    """The type of each value."""
    allow_custom_value: bool = False
    """Whether other values are taken too."""
    auto_select_first: bool = False
    """The first value is taken when none is given."""

    @field_validator("item_type")
    @classmethod
    def _known(cls, value: str) -> str:
        return checked_item_type(value)

    @model_validator(mode="after")
    def _one_spelling(self) -> Multiselect:
        if self.values is not None and self.options is not None:
            raise ValueError("you can't define both `values` and `options`")
        return self

    def parse(self, value: Json) -> Json:
        items = items_of(value, "MULTISELECT")
        offered = self.offered()
        if offered is not None and not self.allow_custom_value:
            for item in items:
                one_of(offered, text(item))
        return read_items(items, self.item_type)

    def offered(self) -> Sequence[str] | None:
        return self.values or self.options or self.choices


REGIONS = Example(
    title="Several of several values",
    inputs={"regions": ["north", "west"]},
    logs=("in north, west",),
    flow="""
id: input-multiselect
namespace: demo
inputs:
  - {id: regions, type: MULTISELECT, values: [north, south, west]}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "in {{ inputs.regions | join(', ') }}"}
""",
)
