"""JSON and YAML, read and written within bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from flowbook.errors import ExpressionError

from .bounds import measured, room_for
from .text import json_text
from .values import JsonText, StateText, TableValue, Value, is_list

MAX_DEPTH = 500


def json_of(value: Value, dialect: str, indent: int | None) -> str:
    """A value as JSON; compact, unless an indentation is asked for."""
    compact = json_text(value, dialect)
    if indent is None:
        return compact
    if not 0 <= indent <= 16:
        raise ExpressionError("The indentation of JSON must be between 0 and 16")
    made = json.dumps(json.loads(compact), indent=indent, ensure_ascii=False)
    room_for(len(made))
    return made


def from_json(text: str) -> Value:
    """The value that a JSON text writes."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise ExpressionError(f"Invalid json: {error}") from error


@cache
def _yaml_loader() -> Any:
    """YAML's safe loader without dates: a timestamp stays the text it was."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader


def from_yaml(text: str) -> Value:
    """The value that a YAML text writes.

    Raises:
        ExpressionError: it can't be read, or its aliases make it endless.
    """
    import yaml

    room_for(len(text))
    try:
        value = yaml.load(text, _yaml_loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ExpressionError(f"Invalid yaml: {error}") from error
    measured(value)
    return value


def yaml_of(value: Value) -> str:
    """A value as YAML, its lists indented."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    measured(value)
    dumped = yaml.dump(
        plain(value),
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=2**20,
        default_flow_style=False,
    )
    made: str = dumped.removesuffix("...\n")
    if is_list(value):  # the reference moves a list by one blank
        made = "".join(f" {line}" for line in made.splitlines(keepends=True))
    room_for(len(made))
    return made


def plain(value: Value) -> Value:
    """A value made of nothing but JSON's own kinds."""
    match value:
        case None | bool() | int() | float():
            return value
        case JsonText() | StateText():
            return str(value)
        case str():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case TableValue():
            return plain(value.records()) if value.as_list else value.uri
    if is_list(value):
        return [plain(item) for item in value]
    from .text import text_of

    return text_of(value)
