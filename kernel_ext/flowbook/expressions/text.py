"""What values look like as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from .bounds import measured, rendering, room_for, whole
from .values import DateTime, Entry, TableValue, Value, is_list, kind_of

_java_writes_otherwise = re.compile(r"\d{8}\.\d|0\.000|\de[-+]\d")
"""Where JSON may hold a float that Java prints another way."""

SLICE = 5_000
"""Parts that are written as JSON at once: the C encoder holds every other thread up meanwhile."""


def text_of(value: Value, dialect: str = "kestra") -> str:
    """A value as a template prints it."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return whole(value)
    if value is None or isinstance(value, Undefined):
        return ""
    if kind is bool:
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Entry):
        return entry_text(value, dialect)
    if isinstance(value, TableValue):
        return json_text(value, dialect) if value.as_list else value.uri
    if isinstance(value, Mapping) or is_list(value) or isinstance(value, Set):
        return json_text(value, dialect)
    return scalar_text(value, dialect)


def scalar_text(value: Value, dialect: str) -> str:
    """Numbers, dates and whatever else the host put in."""
    if isinstance(value, float):
        return float_text(value, dialect)
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date | time):
        return moment_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if callable(value):
        raise ExpressionError(f"A {type(value).__name__} has no text")
    return str(value)


def float_text(value: float, dialect: str = "kestra") -> str:
    """The shortest text that reads back the same, always with a fraction; large ones as Java writes them.

    >>> float_text(3.0), float_text(1e7), float_text(1e7, "seed"), float_text(0.00012)
    ('3.0', '1.0E7', '10000000.0', '1.2E-4')
    """
    if math.isinf(value) or math.isnan(value):
        return ""
    limit = 1e7 if dialect == "kestra" else 1e15
    if value == 0 or 1e-3 <= abs(value) < limit:
        return float.__repr__(value)
    mantissa, _, exponent = format(Decimal(float.__repr__(value)).normalize(), "e").partition("e")
    return f"{float.__repr__(float(mantissa))}E{int(exponent)}"


def moment_text(value: date | time, *, in_json: bool = False) -> str:
    """An instant with `Z`, other dates and times in ISO; Java leaves zero seconds out where it isn't an instant."""
    if isinstance(value, DateTime):
        from .dates.write import written

        return written(value)
    if not isinstance(value, datetime | time):
        return value.isoformat()
    is_instant = isinstance(value, datetime) and value.tzinfo is UTC
    timespec = "seconds" if in_json or is_instant or value.second else "minutes"
    if value.microsecond:
        timespec = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.isoformat(timespec=timespec).replace("+00:00", "Z")


def duration_text(value: timedelta) -> str:
    """A length of time in ISO 8601, as Java prints it.

    >>> duration_text(timedelta(days=1, minutes=2, seconds=0.5))
    'PT24H2M0.5S'
    """
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    hours, rest = divmod(micros, 3_600_000_000)
    minutes, rest = divmod(rest, 60_000_000)
    seconds = format(Decimal(rest) / 1_000_000, "f")
    seconds = seconds.rstrip("0").rstrip(".") if "." in seconds else seconds
    parts = [
        (hours, f"{sign}{hours}H"),
        (minutes, f"{sign}{minutes}M"),
        (rest, f"{sign}{seconds}S"),
    ]
    return "PT" + ("".join(part for number, part in parts if number) or "0S")


# -- JSON


def json_text(value: Value, dialect: str = "kestra") -> str:
    """Compact JSON of a value; what isn't JSON becomes text inside it."""
    if measured(value) <= SLICE:
        found = _encoded(value, dialect)
        room_for(len(found))
        return found
    written, size, clock = [], 0, rendering()
    for piece in _pieces(value, dialect):
        clock.check_time()
        written.append(piece)
        size += len(piece)
        room_for(size)
    return "".join(written)


def _encoded(value: Value, dialect: str) -> str:
    """JSON by the C encoder where it writes what we want."""
    try:
        found = _encoder.encode(value)
        if dialect != "kestra" or not _java_writes_otherwise.search(found):
            return found
    except (TypeError, ValueError):  # keys that aren't text, NaN, numbers of 10,000 digits
        pass
    return "".join(_slowly(value, dialect))


def _plain(value: Value) -> Value:
    """What JSON knows for a value it doesn't."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, TableValue):
        return value.records() if value.as_list else value.uri
    if isinstance(value, Set) or is_list(value):
        return list(value)
    if isinstance(value, Undefined):
        return None
    if isinstance(value, Decimal):
        return float(value) if value % 1 else int(value)
    if isinstance(value, datetime | date | time):
        return moment_text(value, in_json=True)
    return text_of(value)


_encoder = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
)


def _pieces(value: Value, dialect: str) -> Iterator[str]:
    """The text of a large value's JSON in slices, so that other threads get their turn in between."""
    if isinstance(value, TableValue) and value.as_list:
        value = value.records()
    if isinstance(value, Mapping):
        separator = "{"
        for key, item in value.items():
            yield f"{separator}{_key(key)}:"
            yield from (
                _pieces(item, dialect) if measured(item) > SLICE else [_encoded(item, dialect)]
            )
            separator = ","
        yield "{}" if separator == "{" else "}"
    elif is_list(value):
        separator = "["
        for items in _slices(value):
            is_large = len(items) == 1 and measured(items[0]) > SLICE
            yield separator
            yield from _pieces(items[0], dialect) if is_large else [_encoded(items, dialect)[1:-1]]
            separator = ","
        yield "[]" if separator == "[" else "]"
    else:
        yield _encoded(value, dialect)


def _slices(value: Sequence[Value]) -> Iterator[list[Value]]:
    """A list's items in groups of few parts; a large item is a group of its own."""
    group: list[Value] = []
    parts = 0
    for item in value:
        size = measured(item) if isinstance(item, Mapping | list | tuple) else 1
        if group and parts + size > SLICE:
            yield group
            group, parts = [], 0
        group.append(item)
        parts += size
    if group:
        yield group


def _slowly(value: Value, dialect: str) -> Iterator[str]:
    """JSON written in Python: for floats that Java prints another way, and keys that aren't text."""
    if isinstance(value, TableValue) and value.as_list:
        value = value.records()
    if isinstance(value, Mapping):
        items = [f"{_key(key)}:{''.join(_slowly(item, dialect))}" for key, item in value.items()]
        yield "{" + ",".join(items) + "}"
    elif is_list(value) or isinstance(value, Set):
        yield "[" + ",".join(["".join(_slowly(item, dialect)) for item in value]) + "]"
    elif value is None or isinstance(value, Undefined):
        yield "null"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, float):
        yield float_text(value, dialect) or "null"
    elif isinstance(value, int | Decimal):
        yield scalar_text(value, dialect)
    else:
        yield json.dumps(value if isinstance(value, str) else _plain(value), ensure_ascii=False)


def _key(key: Value) -> str:
    return json.dumps("null" if key is None else text_of(key), ensure_ascii=False)


# -- Java's text, inside longer texts


def joined_text(value: Value, dialect: str = "kestra") -> str:
    """A value inside a longer text: Java's `toString` of maps and lists, which isn't how they print alone.

    >>> joined_text({"a": [1, None]})
    '{a=[1, null]}'
    """
    if type(value) is str:
        return value
    if dialect == "kestra" and not isinstance(value, str | Entry):
        if isinstance(value, Mapping):
            measured(value)
            inner = ", ".join(f"{_inner(key)}={_inner(item)}" for key, item in value.items())
            return "{" + inner + "}"
        if is_list(value):
            measured(value)
            return "[" + ", ".join(map(_inner, value)) + "]"
    return text_of(value, dialect)


def _inner(value: Value) -> str:
    return "null" if value is None else joined_text(value)


def entry_text(entry: Entry, dialect: str) -> str:
    if dialect == "kestra":
        return f"{_inner(entry.key)}={_inner(entry.value)}"
    return json_text(list(entry), dialect)


def added_text(value: Value, dialect: str = "kestra") -> str:
    """An operand of a `+` that makes text: null is `null` there."""
    if value is None or isinstance(value, Undefined):
        return "null" if dialect == "kestra" else ""
    return joined_text(value, dialect)


def need_text(value: Value, what: str) -> str:
    """The value, which has to be text."""
    if not isinstance(value, str):
        raise ExpressionError(f"{what} Actual type was: {kind_of(value)}")
    return value
