"""Filters that read and write JSON, YAML and Ion."""

from __future__ import annotations

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from .. import data
from ..registry import filter_
from ..values import JsonText, Value, opened
from .collections import is_seed


@filter_("toJson", "json", "tojson", null=True)
def to_json(value: Value, indent: int | None = None) -> str:
    """The value as compact JSON.

    >>> show("{{ {'a': [1, null]} | toJson }} {{ 'x' | toJson }} {{ null | toJson }}")
    '{"a":[1,null]} "x" null'
    """
    if isinstance(value, Undefined):
        value = None
    if isinstance(value, JsonText):
        value = value.parsed
    return data.json_of(opened(value), "seed" if is_seed() else "kestra", indent)


@filter_("fromJson", "fromjson")
def from_json(value: Value) -> Value:
    """The value that a JSON text writes.

    >>> show("{{ ('[1, 2]' | fromJson)[1] }}")
    '2'
    """
    if not isinstance(value, str):
        return value
    return data.from_json(value)


@filter_("toIon")
def to_ion(value: Value) -> str:
    """The value as a line of JSON, which Ion's readers read as well.

    >>> show("{{ {'a': 1} | toIon }}")
    '{"a":1}'
    """
    return data.json_of(opened(value), "kestra", None)


@filter_("jq")
def jq(value: Value, expression: str) -> list[Value]:
    """What a jq program makes of the value: always a list.

    >>> show("{{ {'k': [3, 4]} | jq('.k[]') }} {{ '{\\"a\\": 1}' | jq('.a') | first }}")
    '[3,4] 1'
    """
    from ..jq_process import jq as run

    if isinstance(value, str):
        try:
            value = data.from_json(value)
        except ExpressionError as error:
            raise ExpressionError(f"Unable to parse jq value '{value[:100]}': {error}") from error
    return run(expression, data.json_of(opened(value), "seed", None))


@filter_("yaml", null=True)
def yaml(value: Value) -> str:
    """The value as YAML.

    >>> show("{{ {'a': [1, 'x']} | yaml }}")
    'a:\\n  - 1\\n  - x\\n'
    """
    return data.yaml_of(opened(value))
