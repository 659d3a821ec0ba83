"""What an input takes, in words and as JSON Schema: beside a message, in a form, for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ..kinds.dynamic import Json
from ..kinds.input import Input

Schema: TypeAlias = dict[str, Json]

TYPES: Mapping[str, Schema] = {
    "INT": {"type": "integer"},
    "FLOAT": {"type": "number"},
    "BOOL": {"type": "boolean"},
    "DATE": {"type": "string", "format": "date"},
    "DATETIME": {"type": "string", "format": "date-time"},
    "TIME": {"type": "string", "format": "time"},
    "DURATION": {"type": "string", "format": "duration"},
    "URI": {"type": "string", "format": "uri-reference"},
    "FILE": {"type": "string", "format": "uri-reference"},
    "EMAIL": {"type": "string", "format": "email"},
    "SECRET": {"type": "string", "format": "password", "writeOnly": True},
    "ARRAY": {"type": "array"},
    "MULTISELECT": {"type": "array", "uniqueItems": True},
    "JSON": {},
    "YAML": {},
}
"""By type of input; the others are texts."""


def accepted(declared: Input) -> str:
    """What a value may look like: `a whole number like 42, from 1 to 5`."""
    said = declared.expects or "a value"
    offered = declared.offered()
    if offered and not getattr(declared, "allow_custom_value", False):
        listed = ", ".join(offered)
        if _many(declared):
            return f"a list of any of [{listed}]"
        return f"one of [{listed}]"
    if pattern := getattr(declared, "validator", None):
        said += f", matching `{pattern}`"
    if endings := getattr(declared, "allowed_file_extensions", None):
        said += f", its name ending with {' or '.join(endings)}"
    if item := getattr(declared, "item_type", None):
        said += f", each item of type {item}"
    return said + _between(declared)


def schema(declared: Input) -> Schema:
    """The JSON Schema of an input's value."""
    made: Schema = dict(TYPES.get(declared.type, {"type": "string"}))
    if declared.type == "JSON" and isinstance(
        given := getattr(declared, "json_schema", None), dict
    ):
        made |= given
    for name, keyword in (("min", "minimum"), ("max", "maximum")):
        if made.get("type") in ("integer", "number") and (bound := _of(declared, name)) is not None:
            made[keyword] = bound
    if pattern := getattr(declared, "validator", None):
        made["pattern"] = f"^(?:{pattern})$"
    offered = declared.offered()
    if offered and not getattr(declared, "allow_custom_value", False):
        if _many(declared):
            made["items"] = {"enum": list(offered)}
        else:
            made["enum"] = list(offered)
    elif item := getattr(declared, "item_type", None):
        made["items"] = dict(TYPES.get(item, {"type": "string"}))
    return made


def _many(declared: Input) -> bool:
    return TYPES.get(declared.type, {}).get("type") == "array"


def _of(declared: Input, name: str) -> Any:
    return getattr(declared, name, None)


def _between(declared: Input) -> str:
    least = _of(declared, "min") if _of(declared, "min") is not None else _of(declared, "after")
    most = _of(declared, "max") if _of(declared, "max") is not None else _of(declared, "before")
    if least is not None and most is not None:
        return f", from {least} to {most}"
    if least is not None:
        return f", at least {least}"
    return f", at most {most}" if most is not None else ""
