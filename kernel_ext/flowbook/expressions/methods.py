"""The methods that values have in templates; any other name is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from flowbook.errors import ExpressionError

from . import operators
from .bounds import room_for
from .registry import methods
from .text import text_of
from .values import Entry, Value


def _split(value: str, *args: Value) -> list[str]:
    return value.split(*args)


def _strip(value: str, characters: str | None = None) -> str:
    return value.strip(characters)


def _replace(value: str, old: Value, new: Value, count: int = -1) -> str:
    old, new = text_of(old), text_of(new)
    room_for(len(value) + value.count(old) * len(new))
    return value.replace(old, new, count)


def _substring(value: str, start: int, stop: int | None = None) -> str:
    end = len(value) if stop is None else stop
    if not 0 <= start <= end <= len(value):
        raise ExpressionError(
            f"Substring from {start} to {end} is out of bounds: the length is {len(value)}"
        )
    return value[start:end]


def _format(value: str, *args: Value, **kwargs: Value) -> str:
    """`{}` and `{name}` filled in with texts: no look into the values, no widths."""
    parts, rest, count, size = [], value, 0, 0
    while rest:
        before, brace, rest = rest.partition("{")
        parts.append(before.replace("}}", "}"))
        if not brace:
            break
        if rest.startswith("{"):
            parts.append("{")
            rest = rest[1:]
            continue
        name, closing, rest = rest.partition("}")
        if not closing or not (name == "" or name.isalnum()):
            raise ExpressionError("A format holds only `{}`, `{0}` and `{name}`")
        if name == "":
            name, count = str(count), count + 1
        parts.append(text_of(args[int(name)] if name.isdigit() else kwargs[name]))
        size += len(parts[-1])
        room_for(size)
    return "".join(parts)


methods(
    str,
    {
        "upper": lambda value: value.upper(),
        "lower": lambda value: value.lower(),
        "toUpperCase": lambda value: value.upper(),
        "toLowerCase": lambda value: value.lower(),
        "strip": _strip,
        "trim": lambda value: value.strip(),
        "split": _split,
        "replace": _replace,
        "startswith": lambda value, prefix: value.startswith(prefix),
        "startsWith": lambda value, prefix: value.startswith(prefix),
        "endswith": lambda value, suffix: value.endswith(suffix),
        "endsWith": lambda value, suffix: value.endswith(suffix),
        "format": _format,
        "contains": operators.contains,
        "indexOf": lambda value, part: value.find(part),
        "lastIndexOf": lambda value, part: value.rfind(part),
        "substring": _substring,
        "length": len,
        "isEmpty": lambda value: not value,
        "isBlank": lambda value: not value.strip(),
        "equals": operators.equal,
        "title": lambda value: value.title(),
        "toString": str,
    },
)


def _index_of(value: Sequence[Value], wanted: Value) -> int:
    for at, item in enumerate(value):
        if operators.equal(item, wanted):
            return at
    return -1


def _index(value: Sequence[Value], wanted: Value) -> int:
    if (at := _index_of(value, wanted)) < 0:
        raise ExpressionError(f"{text_of(wanted)[:50]!r} is not in the list")
    return at


methods(
    (list, tuple),
    {
        "size": len,
        "length": len,
        "contains": operators.contains,
        "indexOf": _index_of,
        "index": _index,
        "get": lambda value, at: value[at],
        "count": lambda value, wanted: sum(operators.equal(item, wanted) for item in value),
        "isEmpty": lambda value: not value,
        "append": lambda value, item: [*value, item],
    },
)


def _entries(value: Mapping[Value, Value]) -> list[Entry]:
    return [Entry(*item) for item in value.items()]


methods(
    Mapping,
    {
        "items": _entries,
        "entrySet": _entries,
        "keys": list,
        "keySet": list,
        "values": lambda value: list(value.values()),
        "get": lambda value, key, default=None: value.get(key, default),
        "getOrDefault": lambda value, key, default: value.get(key, default),
        "containsKey": lambda value, key: key in value,
        "containsValue": lambda value, wanted: operators.contains(list(value.values()), wanted),
        "size": len,
        "isEmpty": lambda value: not value,
    },
)


def _epoch_second(value: date) -> int:
    return int(_moment(value).timestamp())


def _moment(value: date) -> datetime:
    from .dates.read import moment

    return moment(value)


def _strftime(value: date, pattern: str) -> str:
    if len(pattern) > 200:
        raise ExpressionError("A date pattern has more than 200 characters")
    return value.strftime(pattern)


def _moved(unit: str, sign: int) -> Value:
    def move(value: date, amount: int) -> datetime:
        from .dates.add import added

        return added(_moment(value), sign * amount, unit)

    return move


_MOVES = {
    f"{verb}{unit.capitalize()}": _moved(unit, sign)
    for verb, sign in (("plus", 1), ("minus", -1))
    for unit in ("SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS")
}
methods(
    date,
    {
        **_MOVES,
        "timestamp": lambda value: _moment(value).timestamp(),
        "isoformat": lambda value: value.isoformat(),
        "strftime": _strftime,
        "getYear": lambda value: value.year,
        "getMonthValue": lambda value: value.month,
        "getDayOfMonth": lambda value: value.day,
        "getDayOfYear": lambda value: value.timetuple().tm_yday,
        "getDayOfWeek": lambda value: value.strftime("%A").upper(),
        "getHour": lambda value: _moment(value).hour,
        "getMinute": lambda value: _moment(value).minute,
        "getSecond": lambda value: _moment(value).second,
        "toEpochSecond": _epoch_second,
        "toInstant": lambda value: _moment(value).astimezone(UTC),
        "date": lambda value: _moment(value).date(),
        "weekday": lambda value: value.weekday(),
        "isAfter": lambda value, other: operators.greater(value, other),
        "isBefore": lambda value, other: operators.less(value, other),
    },
)
methods(
    timedelta,
    {
        "totalSeconds": lambda value: value.total_seconds(),
        "total_seconds": lambda value: value.total_seconds(),
        "toSeconds": lambda value: value // timedelta(seconds=1),
        "getSeconds": lambda value: value // timedelta(seconds=1),
        "toMinutes": lambda value: value // timedelta(minutes=1),
        "toHours": lambda value: value // timedelta(hours=1),
        "toDays": lambda value: value // timedelta(days=1),
        "toMillis": lambda value: value // timedelta(milliseconds=1),
        "seconds": lambda value: value // timedelta(seconds=1),
    },
)
methods(
    (int, float, Decimal),
    {
        "intValue": lambda value: int(value),
        "longValue": lambda value: int(value),
        "doubleValue": lambda value: float(value),
        "floatValue": lambda value: float(value),
        "toString": text_of,
    },
)
