"""`core.input.Array`: the input type ARRAY."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BeforeValidator, field_validator

from flowbook.kinds.dynamic import Json
from flowbook.kinds.find import find
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example


class Array(Input):
    """A list, each item of one type."""

    expects = "a list like [1, 2]"
    blank = False

    item_type: Annotated[str | None, BeforeValidator(lambda v: v and str(v).upper())] = None
    """The type of each item; none takes any."""

    @field_validator("item_type")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        return value and checked_item_type(value)

    def parse(self, value: Json) -> Json:
        return read_items(items_of(value, "ARRAY"), self.item_type)


NO_ITEMS = frozenset({"ARRAY", "SECRET", "SELECT", "ENUM", "MULTISELECT", "FORM"})


def checked_item_type(name: str) -> str:
    """The type of the items of a list. Raises `ValueError` for one that can't be."""
    if name in NO_ITEMS:
        raise ValueError(f"`itemType` cannot be `{name}`")
    if find("input", name) is None:
        raise ValueError(f"Invalid type: {name}")
    return name


def items_of(value: Json, kind: str) -> list[Json]:
    """A list, or the JSON text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(
                f"Expected `{kind}` but received `{value}` with errors: {error}"
            ) from None
    if not isinstance(value, list | tuple):
        raise ValueError(f"Expected `{kind}` but received `{value}` with errors: not a list")
    return list(value)


def read_items(items: list[Json], item_type: str | None) -> list[Json]:
    """Every item read as the type."""
    if item_type is None:
        return items
    part = find("input", item_type)
    assert part is not None
    assert issubclass(part, Input)
    reader = part.model_construct(id="item", type=item_type)
    read = []
    for item in items:
        try:
            read.append(reader.parse(item))
        except ValueError:
            raise ValueError(
                f"Unable to parse array element as `{item_type}` on `{item}`"
            ) from None
    return read


NUMBERS = Example(
    title="A list of whole numbers",
    inputs={"numbers": "[1, 2]"},
    logs=("2 numbers, at most 2",),
    flow="""
id: input-array
namespace: demo
inputs:
  - {id: numbers, type: ARRAY, itemType: INT}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ inputs.numbers | length }} numbers, at most {{ max(inputs.numbers[0], inputs.numbers[1]) }}"}
""",
)
