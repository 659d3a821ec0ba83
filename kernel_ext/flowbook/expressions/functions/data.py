"""Functions that read JSON, YAML and Ion, and JSON lines."""

from __future__ import annotations

import json as json_library

from flowbook.errors import ExpressionError

from .. import data
from ..registry import function_
from ..values import JsonText, Value


def _text(value: Value, name: str, argument: str) -> str:
    if not isinstance(value, str):
        raise ExpressionError(
            f"The '{name}' function expects an argument '{argument}' with type string."
        )
    return value


@function_("fromJson", "json")
def from_json(json: Value) -> Value:
    """The value that a JSON text writes; null of null.

    >>> show("{{ fromJson('{\\"a\\": [1, 2]}').a[1] }}")
    '2'
    """
    if json is None:
        return None
    return (
        json.parsed
        if isinstance(json, JsonText)
        else data.from_json(_text(json, "fromJson", "json"))
    )


@function_("yaml")
def yaml(yaml: Value) -> Value:
    """The value that a YAML text writes; null of null.

    >>> show("{{ yaml('a: [1, 2]').a }}")
    '[1,2]'
    """
    return None if yaml is None else data.from_yaml(_text(yaml, "yaml", "yaml"))


@function_("fromIon")
def from_ion(ion: Value, allRows: bool = False) -> Value:
    """The first record of Ion text (JSON lines), or the list of all.

    >>> show("{{ fromIon(lines, allRows=true) }}", lines='{"a": 1}' + chr(10) + '{"a": 2}')
    '[{"a":1},{"a":2}]'
    """
    if ion is None:
        return None
    text = _text(ion, "fromIon", "ion").strip()
    decoder, at, records = json_library.JSONDecoder(), 0, []
    while at < len(text):
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise ExpressionError(f"Invalid ion: {error}") from error
        records.append(record)
        if not allRows:
            break
        while at < len(text) and text[at].isspace():
            at += 1
    return records if allRows else (records[0] if records else None)


@function_("dict")
def dict_(**entries: Value) -> dict[str, Value]:
    """A map of the named arguments.

    >>> show("{{ dict(a=1) }}")
    '{"a":1}'
    """
    return entries


@function_("list")
def list_(items: Value = ()) -> list[Value]:
    """A list of the items of another value.

    >>> show("{{ list('ab') }}")
    '["a","b"]'
    """
    from ..filters.collections import list_ as listed

    return listed(items)


@function_("namespace")
def namespace(**entries: Value) -> dict[str, Value]:
    """A map of the named arguments, as Jinja2's templates use it.

    >>> show("{{ namespace(n=1).n }}")
    '1'
    """
    return entries
