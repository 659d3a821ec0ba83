"""Properties that are rendered: a value, or the template that will give one.

A property declared `Dynamic[T]` holds a `T` where the flow's text has no template (checked when the
flow is read), else a `Template` that `render` turns into a `T` when the task runs. To a type checker
it is a `T`: hand it to `await context.render(…)`, which returns one, and never use it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
TABLE = "flowbook:table"
"""The key by which a stored output is known to be a table: its value is the file's URI; beside it stand
`rows`, `columns`, `bytes` and `asList`."""
Json: TypeAlias = Any
"""None, bool, int, float, str, or lists and string-keyed maps of them."""


@dataclass(frozen=True, slots=True)
class Template:
    """What a dynamic property holds until it is rendered: YAML with expressions in it."""

    source: Json
    target: Any
    """The type that the rendered value is read as."""

    def read(self, rendered: Json) -> Any:
        """The rendered value as the property's type. Raises pydantic's `ValidationError`."""
        return _adapter(self.target).validate_python(rendered)

    def __str__(self) -> str:
        return str(self.source)


def holds_template(value: Json) -> bool:
    """Whether any text in the value has a delimiter of an expression."""
    match value:
        case str():
            return "{{" in value or "{%" in value or "{#" in value
        case list() | tuple():
            return any(holds_template(item) for item in value)
        case Mapping():
            return any(holds_template(k) or holds_template(v) for k, v in value.items())
        case _:
            return False


class Rendered:
    """The annotation behind `Dynamic`."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = handler(source)
        text_wanted = source is str or source == (str | None)

        def validate(value: Any, inward: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if value.__class__ is str:
                if "{" in value and holds_template(value):
                    return Template(value, source)
            elif isinstance(value, Template):
                return value
            elif text_wanted and isinstance(value, bool | int | float):
                value = str(value).lower() if isinstance(value, bool) else str(value)
            elif holds_template(value):
                return Template(value, source)
            return inward(value)

        return core_schema.no_info_wrap_validator_function(validate, inner)


Dynamic = Annotated[T, Rendered()]
"""A property of type `T` that may be written as a template."""


@lru_cache(maxsize=512)
def _adapter(target: Any) -> TypeAdapter[Any]:
    return TypeAdapter(target)
