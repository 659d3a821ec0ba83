"""The tests that may follow `is`."""

from __future__ import annotations

import json as json_library
from collections.abc import Mapping

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from . import operators, patterns
from .registry import test_
from .values import JsonText, TableValue, Value, is_list, is_number, kind_of, opened


@test_("defined")
def defined(value: Value) -> bool:
    """The value is there, and not null.

    >>> show("{{ missing is defined }} {{ a is defined }}", a=1)
    'false true'
    """
    return value is not None and not isinstance(value, Undefined)


@test_("undefined")
def undefined(value: Value) -> bool:
    """The value is missing or null.

    >>> show("{{ missing is undefined }}")
    'true'
    """
    return not defined(value)


@test_("null", "none")
def null(value: Value) -> bool:
    """The value is null.

    >>> show("{{ a is null }}", a=None)
    'true'
    """
    return value is None or isinstance(value, Undefined)


@test_("empty")
def empty(value: Value) -> bool:
    """The value is null, blank text, or a list or map without items.

    >>> show("{{ '' is empty }} {{ [] is empty }} {{ 0 is empty }}")
    'true true false'
    """
    if value is None or isinstance(value, Undefined):
        return True
    if isinstance(value, TableValue):
        return value.rows == 0
    value = opened(value)
    if isinstance(value, str):
        return not value.strip()
    return (isinstance(value, Mapping) or is_list(value)) and not value


def _whole(value: Value) -> int:
    if type(value) is not int:
        raise ExpressionError(f"Only a whole number is even or odd, not {kind_of(value)}")
    return value


@test_("even")
def even(value: Value) -> bool:
    """The whole number can be halved.

    >>> show("{{ 2 is even }}")
    'true'
    """
    return _whole(value) % 2 == 0


@test_("odd")
def odd(value: Value) -> bool:
    """The whole number can't be halved.

    >>> show("{{ 2 is odd }}")
    'false'
    """
    return _whole(value) % 2 != 0


@test_("divisibleby")
def divisible_by(value: Value, number: int) -> bool:
    """The number can be divided without a rest.

    >>> show("{{ 9 is divisibleby 3 }}")
    'true'
    """
    return bool(operators.remainder(value, number) == 0)


@test_("iterable", "sequence")
def iterable(value: Value) -> bool:
    """The value is a list.

    >>> show("{{ [1] is iterable }} {{ 'a' is iterable }}")
    'true false'
    """
    return is_list(opened(value))


@test_("map", "mapping")
def map_(value: Value) -> bool:
    """The value is a map.

    >>> show("{{ {'a': 1} is map }}")
    'true'
    """
    return isinstance(opened(value), Mapping)


@test_("json")
def json(value: Value) -> bool:
    """The text can be read as JSON.

    >>> show("{{ '[1]' is json }} {{ 'x' is json }}")
    'true false'
    """
    if isinstance(value, JsonText):
        return True
    if not isinstance(value, str):
        return False
    try:
        json_library.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


@test_("string")
def string(value: Value) -> bool:
    """The value is text.

    >>> show("{{ 'a' is string }}")
    'true'
    """
    return isinstance(value, str)


@test_("number")
def number(value: Value) -> bool:
    """The value is a number.

    >>> show("{{ 1.5 is number }}")
    'true'
    """
    return is_number(value)


@test_("integer")
def integer(value: Value) -> bool:
    """The value is a whole number.

    >>> show("{{ 1 is integer }} {{ 1.5 is integer }}")
    'true false'
    """
    return isinstance(value, int) and not isinstance(value, bool)


@test_("float")
def float_(value: Value) -> bool:
    """The value is a number with a fraction.

    >>> show("{{ 1.5 is float }}")
    'true'
    """
    return isinstance(value, float)


@test_("boolean")
def boolean(value: Value) -> bool:
    """The value is true or false.

    >>> show("{{ true is boolean }} {{ 'true' is boolean }}")
    'true false'
    """
    return isinstance(value, bool)


@test_("true")
def true(value: Value) -> bool:
    """The value is `true` itself.

    >>> show("{{ true is true }} {{ 1 is true }}")
    'true false'
    """
    return value is True


@test_("false")
def false(value: Value) -> bool:
    """The value is `false` itself.

    >>> show("{{ false is false }}")
    'true'
    """
    return value is False


@test_("lower")
def lower(value: Value) -> bool:
    """The text has no upper-case letter.

    >>> show("{{ 'a' is lower }}")
    'true'
    """
    return isinstance(value, str) and value.islower()


@test_("upper")
def upper(value: Value) -> bool:
    """The text has no lower-case letter.

    >>> show("{{ 'A' is upper }}")
    'true'
    """
    return isinstance(value, str) and value.isupper()


@test_("eq", "equalTo", "equalto", "sameas")
def eq(value: Value, other: Value) -> bool:
    """Both values are equal.

    >>> show("{{ 1 is eq(1.0) }} {{ 1 is equalTo 2 }}")
    'true false'
    """
    return operators.equal(value, other)


@test_("ne")
def ne(value: Value, other: Value) -> bool:
    """The values differ.

    >>> show("{{ 1 is ne(2) }}")
    'true'
    """
    return not operators.equal(value, other)


@test_("lt", "lessthan")
def lt(value: Value, other: Value) -> bool:
    """The first is smaller.

    >>> show("{{ 1 is lt(2) }}")
    'true'
    """
    return operators.less(value, other)


@test_("gt", "greaterthan")
def gt(value: Value, other: Value) -> bool:
    """The first is larger.

    >>> show("{{ 1 is gt(2) }}")
    'false'
    """
    return operators.greater(value, other)


@test_("le")
def le(value: Value, other: Value) -> bool:
    """The first is not larger.

    >>> show("{{ 2 is le(2) }}")
    'true'
    """
    return operators.at_most(value, other)


@test_("ge")
def ge(value: Value, other: Value) -> bool:
    """The first is not smaller.

    >>> show("{{ 2 is ge(2) }}")
    'true'
    """
    return operators.at_least(value, other)


@test_("in")
def in_(value: Value, container: Value) -> bool:
    """The value is in a list, a key of a map, or a part of a text.

    >>> show("{{ 1 is in [1, 2] }}")
    'true'
    """
    return operators.inside(value, container)


@test_("contains")
def contains(value: Value, wanted: Value) -> bool:
    """The list, map or text holds another value.

    >>> show("{{ [1, 2] is contains 2 }}")
    'true'
    """
    return operators.contains(value, wanted)


@test_("matches")
def matches(value: Value, pattern: Value) -> bool:
    """The whole text matches a Java pattern.

    >>> show("{{ 'a1' is matches '[a-z][0-9]' }}")
    'true'
    """
    return patterns.matches(value, pattern)
