"""Inputs: what a flow asks for, and how a given value is read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, BeforeValidator, Field, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from .dynamic import Json
from .part import Part, Written

INPUT_ID = r"^[a-zA-Z0-9][.a-zA-Z0-9_-]*$"


class Depends(Written):
    """When an input is asked for at all."""

    inputs: tuple[str, ...] = ()
    """Ids of the inputs that are resolved first."""
    condition: str | None = Field(None, validation_alias=AliasChoices("condition", "when"))
    """Asked for only if this is true."""


class Labelled(str):
    """A value to choose that forms show by another text."""

    __slots__ = ("label",)

    def __new__(cls, value: str, label: str) -> Labelled:
        made = super().__new__(cls, value)
        made.label = label
        return made

    label: str


class Input(Part):
    """An entry of `inputs`."""

    kind: ClassVar[str] = "input"
    expects: ClassVar[str] = ""
    """What a value may look like, shown beside a message and in forms."""
    blank: ClassVar[bool] = True
    """Whether the empty text is a value; else it is as if none was given."""

    type: str = "STRING"
    id: str = Field(pattern=INPUT_ID)
    """The input's id; dots nest: `req.day` is read as `inputs.req.day`."""
    name: str | None = None
    """Older spelling of `id`."""
    description: str | None = None
    """What the value is for, in Markdown."""
    display_name: str | None = None
    """The label in forms."""
    required: bool = True
    """Whether an execution needs a value."""
    defaults: Json = None
    """The value when none is given; texts are rendered."""
    prefill: Json = None
    """What a form starts with; only for inputs that are not required."""
    depends_on: Depends | None = None
    """Inputs that are resolved first, and a condition."""
    choices: tuple[Annotated[str, BeforeValidator(lambda v: text(v))], ...] | None = None
    """The values allowed, for any type."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "id" not in value and "name" in value:
            return {**value, "id": value["name"]}
        return value

    @property
    def is_secret(self) -> bool:
        """Whether values are kept from being shown."""
        return False

    @abstractmethod
    def parse(self, value: Json) -> Json:
        """The value as it is stored (JSON). Raises `ValueError` that says what is wrong with it."""

    def typed(self, stored: Json) -> Any:
        """The stored value as expressions see it: a date is a date again."""
        return stored

    def members(self) -> tuple[Input, ...]:
        """The inputs that this one stands for: itself, or those of a group by their full ids."""
        return (self,)

    def offered(self) -> Sequence[str] | None:
        """The values to choose from, if they are listed."""
        return self.choices

    def labels(self) -> Mapping[str, str]:
        """What forms show for values that have labels."""
        return {str(v): v.label for v in self.offered() or () if isinstance(v, Labelled)}


def text(value: Json) -> str:
    """Any value as text: `true`, `3`, compact JSON."""
    from .answers import json_text

    return value if isinstance(value, str) else json_text(value)


def _any_input(value: Any, inward: Any) -> Input:
    if isinstance(value, Input):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("input_type", "must be an input: a map with `id` and `type`")
    name = str(value.get("type", "STRING"))
    from .find import find

    found = find("input", name)
    if found is None:
        raise PydanticCustomError("invalid_type", "Invalid type: {type}", {"type": name})
    made = found.model_validate({**value, "type": found.__name__.upper()})
    assert isinstance(made, Input)
    return made


AnyInput = Annotated[Input, WrapValidator(_any_input)]
"""An input of whatever type its `type` names."""
