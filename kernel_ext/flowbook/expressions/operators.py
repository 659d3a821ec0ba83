"""What the operators do with values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from .bounds import MAX_BITS, bounded, ranged, rendering, room_for
from .text import added_text, joined_text, text_of
from .values import JsonText, StateText, TableValue, Value, is_list, is_number, kind_of, opened

# -- equality and order


def equal(left: Value, right: Value) -> bool:
    """Null-safe; numbers by value, and nothing equals a value of another kind."""
    if isinstance(left, Undefined):
        left = None
    if isinstance(right, Undefined):
        right = None
    if left is right:
        return True
    if left is None or right is None:
        return False
    kinds = type(left), type(right)
    if kinds == (str, str) or kinds == (int, int):
        return bool(left == right)
    return _equal_kinds(left, right)


def _equal_kinds(left: Value, right: Value) -> bool:
    if isinstance(left, JsonText) or isinstance(right, JsonText):
        return _equal_json_text(left, right)
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and str.__eq__(left, right)
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    left, right = opened(left), opened(right)
    if isinstance(left, Mapping):
        if not isinstance(right, Mapping) or len(left) != len(right):
            return False
        return all(key in right and equal(item, right[key]) for key, item in left.items())
    if is_list(left):
        if not is_list(right) or len(left) != len(right):
            return False
        tick = rendering().turn if len(left) > 1000 else None
        for one, other in zip(left, right, strict=True):
            if tick:
                tick()
            if not equal(one, other):
                return False
        return True
    return bool(left == right)


def _equal_json_text(left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        if str.__eq__(left, right):
            return True
        if not (isinstance(left, JsonText) and isinstance(right, JsonText)):
            return False
    return equal(opened(left), opened(right))


def not_equal(left: Value, right: Value) -> bool:
    return not equal(left, right)


def ordering(compare: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    """`<` and its like: numbers, two texts, two dates; null is in no order and gives false."""

    def ordered(left: Value, right: Value) -> bool:
        if is_number(left) and is_number(right):
            return bool(compare(left, right))
        if (
            left is None
            or right is None
            or isinstance(left, Undefined)
            or isinstance(right, Undefined)
        ):
            return False
        if isinstance(left, date) or isinstance(right, date):
            return bool(compare(*_moments(left, right)))
        for kind in (str, timedelta, time):
            if isinstance(left, kind) and isinstance(right, kind):
                return bool(compare(left, right))
        raise ExpressionError(f"Cannot order {kind_of(left)} and {kind_of(right)}")

    return ordered


def _moments(left: Value, right: Value) -> tuple[datetime, datetime]:
    from .dates.read import moment

    return moment(left), moment(right)


less, greater = ordering(operator.lt), ordering(operator.gt)
at_most, at_least = ordering(operator.le), ordering(operator.ge)


def smallest_first(values: list[Value]) -> list[Value]:
    """A list in its natural order; long ones in runs, so that other threads get their turn."""
    import heapq
    from functools import cmp_to_key

    def plain_order(run: list[Value]) -> list[Value]:
        try:
            return sorted(run)
        except TypeError:
            return sorted(
                run, key=cmp_to_key(lambda a, b: -1 if less(a, b) else 1 if less(b, a) else 0)
            )

    if any(value is None for value in values):
        raise ExpressionError("A list that holds null can't be sorted")
    if len(values) <= 20_000:
        return plain_order(values)
    runs = [plain_order(values[at : at + 20_000]) for at in range(0, len(values), 20_000)]
    merged, tick = [], rendering().check_time
    for at, value in enumerate(heapq.merge(*runs)):
        if at & 1023 == 0:
            tick()
        merged.append(value)
    return merged


# -- arithmetic


def numbers(sign: str, left: Value, right: Value) -> Value:
    """The left operand, when both are numbers."""
    if not (is_number(left) and is_number(right)):
        raise ExpressionError(f"Could not perform {sign!r} on {kind_of(left)} and {kind_of(right)}")
    return left


def _paired(left: Value, right: Value) -> tuple[Value, Value]:
    """Both operands as numbers that Python calculates together (it refuses to mix Decimal and float)."""
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, Decimal(repr(right))
    if isinstance(right, Decimal) and isinstance(left, float):
        return Decimal(repr(left)), right
    return left, right


def add(left: Value, right: Value, dialect: str = "kestra") -> Value:
    if type(left) is int and type(right) is int:
        return bounded(left + right)
    if isinstance(left, str) or isinstance(right, str):
        first, second = added_text(left, dialect), added_text(right, dialect)
        room_for(len(first) + len(second))
        return first + second
    left = opened(left) if isinstance(left, TableValue | tuple) else left
    if is_list(left):
        other = opened(right)
        return bounded([*left, *other] if is_list(other) else [*left, right])
    if isinstance(left, date | timedelta) and isinstance(right, timedelta):
        return left + right
    if isinstance(left, timedelta) and isinstance(right, date):
        return right + left
    left, right = _paired(numbers("+", left, right), right)
    return bounded(left + right)


def subtract(left: Value, right: Value) -> Value:
    if type(left) is int and type(right) is int:
        return bounded(left - right)
    if isinstance(left, date) and isinstance(right, timedelta):
        return left - right
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return left - right
    if isinstance(left, date) or isinstance(right, date):
        first, second = _moments(left, right)
        return first - second
    left = opened(left)
    if is_list(left):
        removed = right if is_list(right) else [right]
        return [item for item in left if not any(_counted(equal(item, other)) for other in removed)]
    left, right = _paired(numbers("-", left, right), right)
    return bounded(left - right)


def _counted(outcome: bool) -> bool:
    rendering().turn()
    return outcome


def multiply(left: Value, right: Value, dialect: str = "kestra") -> Value:
    if dialect == "seed":
        if isinstance(right, str) or is_list(right):
            left, right = right, left
        if (isinstance(left, str) or is_list(left)) and type(right) is int:
            room_for(len(left) * max(right, 0))
            return left * right
    left, right = _paired(numbers("*", left, right), right)
    if (
        isinstance(left, int)
        and isinstance(right, int)
        and left.bit_length() + right.bit_length() > MAX_BITS + 1
    ):
        raise ExpressionError("Result is too large")
    return bounded(left * right)


def divide(left: Value, right: Value) -> Value:
    """Whole numbers give a whole number, cut towards zero."""
    numbers("/", left, right)
    _not_by_zero(right)
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    left, right = _paired(left, right)
    return bounded(left / right)


def true_divide(left: Value, right: Value) -> Value:
    left, right = _paired(numbers("/", left, right), right)
    _not_by_zero(right)
    return bounded(left / right)


def floor_divide(left: Value, right: Value) -> Value:
    left, right = _paired(numbers("//", left, right), right)
    _not_by_zero(right)
    return bounded(left // right)


def remainder(left: Value, right: Value) -> Value:
    """The rest of a division that cuts towards zero, as in Java: it has the sign of the left side."""
    left, right = _paired(numbers("%", left, right), right)
    _not_by_zero(right)
    if isinstance(left, int) and isinstance(right, int):
        return left - right * divide(left, right)
    return left % right if isinstance(left, Decimal) else math.fmod(left, right)


def modulo(left: Value, right: Value) -> Value:
    """Python's `%`, for the seed dialect."""
    left, right = _paired(numbers("%", left, right), right)
    _not_by_zero(right)
    return left % right


def power(left: Value, right: Value) -> Value:
    left, right = _paired(numbers("**", left, right), right)
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > 0:
        if left.bit_length() * right > MAX_BITS:
            raise ExpressionError("Result is too large")
    elif isinstance(left, Decimal) or isinstance(right, Decimal):
        left, right = float(left), float(right)
    try:
        found = left**right
    except OverflowError as error:
        raise ExpressionError("Result is too large") from error
    except ZeroDivisionError as error:
        raise ExpressionError("Division by zero") from error
    if isinstance(found, complex):
        raise ExpressionError(f"Could not perform '**' on {left} and {right}")
    return bounded(found)


def negate(value: Value) -> Value:
    if isinstance(value, timedelta):
        return -value
    return bounded(-numbers("-", value, value))


def affirm(value: Value) -> Value:
    return numbers("+", value, value)


def _not_by_zero(right: Value) -> None:
    if right == 0:
        raise ExpressionError("Division by zero")


# -- text, ranges, membership


def concatenate(operands: tuple[Value, ...], dialect: str) -> str:
    """`a ~ b ~ c`: the operands' texts, one after another."""
    parts = [
        operand if type(operand) is str else joined_text(operand, dialect) for operand in operands
    ]
    room_for(sum(map(len, parts)))
    return "".join(parts)


def inclusive(start: Value, stop: Value, step: Value = 1) -> list[Value]:
    """`start..stop`, the end included; also over two letters."""
    if isinstance(start, str) and isinstance(stop, str) and len(start) == len(stop) == 1:
        return [chr(code) for code in inclusive(ord(start), ord(stop), step)]
    if not (is_number(start) and is_number(stop) and is_number(step)) or int(step) == 0:
        raise ExpressionError("A range needs numbers, and a step that is not 0")
    first, last, stride = int(start), int(stop), int(step)
    return ranged(range(first, last + (1 if stride > 0 else -1), stride))


def contains(container: Value, wanted: Value) -> bool:
    """Membership in a list, a key of a map, a part of a text; null holds nothing."""
    if container is None or isinstance(container, Undefined):
        return False
    if isinstance(container, JsonText) and is_list(container.parsed):
        container = container.parsed
    if isinstance(container, str):
        return (
            wanted is not None
            and not isinstance(wanted, Undefined)
            and text_of(wanted) in container
        )
    container = opened(container)
    if isinstance(container, Mapping):
        if isinstance(wanted, str):
            return str(wanted) in container
        return any(equal(key, wanted) for key in container)
    if is_list(container):
        every = wanted if is_list(wanted) and not isinstance(wanted, StateText) else [wanted]
        return all(any(_counted(equal(item, one)) for item in container) for one in every)
    raise ExpressionError(f"Cannot look for anything in {kind_of(container)}")


def inside(wanted: Value, container: Value) -> bool:
    """`x in y`: as `contains`, but a list is looked for as one item."""
    opened_container = opened(container)
    if is_list(opened_container) and is_list(wanted):
        return any(_counted(equal(item, wanted)) for item in opened_container)
    return contains(container, wanted)


def is_in(wanted: Value, container: Value) -> bool:
    """`x isIn y`: as `contains`, but a map's values count as well."""
    held = opened(container)
    if isinstance(held, Mapping) and contains(list(held.values()), wanted):
        return True
    return contains(container, wanted)
