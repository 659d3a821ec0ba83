"""The values a template can hold beyond plain JSON, and how to see what kind a value is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from flowbook.errors import ExpressionError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Value: TypeAlias = Any
"""Whatever a template can hold: JSON, dates, and the classes of this module."""

MAX_TABLE_BYTES = 10 * 2**20


class JsonText(str):
    """Text that is a JSON object or array: text where text is wanted, its value for lookups and loops."""

    _parsed: Value

    @property
    def parsed(self) -> Value:
        """The value of the text, read once; the text itself when it isn't JSON after all."""
        try:
            return self._parsed
        except AttributeError:
            try:
                self._parsed = json.loads(self)
            except ValueError:
                self._parsed = str(self)
            return self._parsed

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return str.__eq__(self, other)
        return bool(self.parsed == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class StateText(str):
    """A state's name that also knows when it began and ended, and what came before it."""

    startDate: Value
    endDate: Value
    duration: Value
    histories: Value

    def __new__(
        cls,
        name: str,
        *,
        start: Value = None,
        end: Value = None,
        duration: Value = None,
        histories: Sequence[Value] = (),
    ) -> StateText:
        state = super().__new__(cls, name)
        state.startDate, state.endDate = start, end
        state.duration, state.histories = duration, list(histories)
        return state

    @property
    def current(self) -> str:
        return str(self)


class PartedText(str):
    """Text that also has parts, like `kestra.environment`, which is a name and has `.name`."""

    parts: Mapping[str, Value]

    def __new__(cls, text: str, **parts: Value) -> PartedText:
        made = super().__new__(cls, text)
        made.parts = parts
        return made


STATE_PARTS = frozenset({"current", "startDate", "endDate", "duration", "histories"})


@dataclass(frozen=True, eq=False)
class TableValue:
    """A table kept as a file; its rows are read when somebody looks at them."""

    uri: str
    rows: int
    columns: Sequence[Mapping[str, str]]
    """`{name, type}` of each column."""
    bytes: int
    load: Callable[[], list[dict[str, Value]]] = field(repr=False)
    as_list: bool = False
    """A task returned it as a list: its text is the list's JSON, not the URI."""
    _kept: list[list[dict[str, Value]]] = field(default_factory=list, init=False, repr=False)

    def records(self) -> list[dict[str, Value]]:
        """The rows as maps.

        Raises:
            ExpressionError: the table is too large to be read into an expression.
        """
        if not self._kept:
            if self.bytes > MAX_TABLE_BYTES:
                raise ExpressionError(
                    f"The table is larger than 10 MiB ({self.bytes} bytes): use `.uri` ({self.uri}) instead of its rows"
                )
            self._kept.append(self.load())
        return self._kept[0]


TABLE_PARTS = frozenset({"uri", "rows", "columns", "bytes"})


class DateTime(datetime):
    """A moment whose text has six digits of a second and its offset, as `now()` prints it."""

    @classmethod
    def of(cls, moment: datetime) -> DateTime:
        return cls(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            moment.tzinfo,
            fold=moment.fold,
        )


class Entry(NamedTuple):
    """What a loop over a map gives; it also unpacks as `for k, v in m`."""

    key: Value
    value: Value


class Float32(float):
    """A number that the `number` filter made Java's smaller kind of float; only `className` tells."""


class BigInteger(int):
    """A number that the `number` filter made without limit; only `className` tells."""


def is_list(value: object) -> bool:
    """Whether it is a list for a template: any sequence but text."""
    kind = type(value)
    if kind is list:
        return True
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def is_number(value: object) -> bool:
    kind = type(value)
    if kind is int or kind is float:
        return True
    return isinstance(value, int | float | Decimal) and kind is not bool


def is_moment(value: object) -> bool:
    return isinstance(value, date | time)


def opened(value: Value) -> Value:
    """The value itself, or what stands behind a lazy one: JSON text's value, a table's rows, a view's items."""
    if isinstance(value, JsonText):
        return value.parsed
    if isinstance(value, TableValue):
        return value.records()
    if isinstance(value, Set) and not isinstance(value, Sequence):
        return list(value)
    if isinstance(value, tuple) and not isinstance(value, Entry):
        return list(value)
    return value


_JAVA_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "java.lang.Boolean"),
    (BigInteger, "java.math.BigInteger"),
    (str, "java.lang.String"),
    (Float32, "java.lang.Float"),
    (float, "java.lang.Double"),
    (Decimal, "java.math.BigDecimal"),
    (datetime, "java.time.ZonedDateTime"),
    (date, "java.time.LocalDate"),
    (time, "java.time.LocalTime"),
    (timedelta, "java.time.Duration"),
    (Mapping, "java.util.LinkedHashMap"),
)


def kind_of(value: object) -> str:
    """The name of a value's kind in messages and `className`: Java's, as people know it from the reference."""
    if value is None:
        return "null"
    if type(value) is int:
        return "java.lang.Integer" if -(2**31) <= value < 2**31 else "java.lang.Long"
    for kind, name in _JAVA_NAMES:
        if isinstance(value, kind):
            return name
    return "java.util.ArrayList" if is_list(value) else "java.lang.Object"
