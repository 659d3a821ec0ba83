"""Filters that turn values into numbers, and numbers into text."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from ..operators import numbers
from ..registry import filter_
from ..text import text_of
from ..values import BigInteger, Float32, Value, is_number, kind_of


@filter_("abs")
def abs_(value: Value) -> Value:
    """The number without its sign.

    >>> show("{{ -3 | abs }} {{ (-2.5) | abs }}")
    '3 2.5'
    """
    return abs(numbers("abs", value, value))


@filter_("number")
def number(value: Value, type: str | None = None) -> Value:
    """The number that a text writes; `type` is INT, LONG, FLOAT, DOUBLE, BIGDECIMAL or BIGINTEGER.

    >>> show("{{ ('12' | number) + 1 }} {{ '1.5' | number('DOUBLE') }}")
    '13 1.5'
    """
    if not isinstance(value, str):
        if is_number(value):
            return value
        raise ExpressionError(
            f"'number' filter can only be applied to String. Actual type was: {kind_of(value)}"
        )
    text = value.strip()
    if len(text) > 4000:
        raise ExpressionError("Not a number: the text is too long")
    kind = type.upper() if type else "INT" if re.fullmatch(r"[+-]?\d+", text) else "FLOAT"
    try:
        match kind:
            case "INT" | "LONG":
                return _within_64_bits(int(text))
            case "FLOAT":
                return Float32(text)
            case "DOUBLE":
                return float(text)
            case "BIGDECIMAL":
                return Decimal(text)
            case "BIGINTEGER":
                return BigInteger(text)
    except (ValueError, InvalidOperation) as error:
        raise ExpressionError(f"Not a number: {value[:50]!r}") from error
    raise ExpressionError(
        f"Invalid type of number: {type!r}; INT, LONG, FLOAT, DOUBLE, BIGDECIMAL and BIGINTEGER exist"
    )


def _within_64_bits(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise ExpressionError(f"{value} does not fit 64 bits")
    return value


@filter_("int", null=True)
def int_(value: Value, default: Value = 0, base: int = 10) -> Value:
    """The whole number in a value; `default` where there is none.

    >>> show("{{ '12.7' | int }} {{ 'x' | int }} {{ 'ff' | int(base=16) }}")
    '12 0 255'
    """
    if isinstance(value, bool):
        return int(value)
    if is_number(value):
        return int(value) if math.isfinite(value) else default
    text = "" if value is None or isinstance(value, Undefined) else text_of(value).strip()
    if len(text) > 4000:
        return default
    try:
        return int(text, base)
    except ValueError:
        try:
            return int(float(text))
        except (ValueError, OverflowError):
            return default


@filter_("float", null=True)
def float_(value: Value, default: Value = 0.0) -> Value:
    """The number in a value, with a fraction; `default` where there is none.

    >>> show("{{ '1.5' | float }} {{ 'x' | float }}")
    '1.5 0.0'
    """
    text = "" if value is None or isinstance(value, Undefined) else text_of(value, "seed").strip()
    try:
        found = float(text)
    except ValueError:
        return default
    return found if math.isfinite(found) else default


@filter_("bool", null=True)
def bool_(value: Value) -> bool:
    """Whether a value is true: `true`, `yes`, `on`, 1 and their like.

    >>> show("{{ 'yes' | bool }} {{ 'no' | bool }} {{ 1 | bool }}")
    'true false true'
    """
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes", "on", "y", "t")
    return bool(value)


@filter_("round")
def round_(value: Value, precision: int = 0, method: str = "common") -> float:
    """The number rounded to so many digits; `method` is common, ceil or floor.

    >>> show("{{ 2.456 | round(2) }} {{ 2.1 | round(0, 'ceil') }}")
    '2.46 3.0'
    """
    if not is_number(value):
        raise ExpressionError(
            f"'round' filter can only be applied to Number. Actual type was: {kind_of(value)}"
        )
    if method not in ("common", "ceil", "floor"):
        raise ExpressionError(
            f"Invalid method of rounding: {method!r}; common, ceil and floor exist"
        )
    precision = max(-300, min(300, precision))
    if method == "common":
        return float(round(float(value), precision))
    scale = 10.0**precision
    scaled = float(value) * scale
    return (
        (math.ceil(scaled) if method == "ceil" else math.floor(scaled)) / scale
        if math.isfinite(scaled)
        else float(value)
    )


@filter_("numberformat", "numberFormat")
def numberformat(value: Value, pattern: str = "#,##0.###", locale: str | None = None) -> str:
    """The number by a pattern of Java's `DecimalFormat`.

    >>> show("{{ 1234.567 | numberformat('#,##0.00') }} {{ 0.256 | numberformat('0.0%') }}")
    '1,234.57 25.6%'
    """
    if not is_number(value):
        raise ExpressionError(
            f"'numberformat' filter can only be applied to Number. Actual type was: {kind_of(value)}"
        )
    positive, _, negative = pattern.partition(";")
    match = re.search(r"[#0,]+(?:\.([#0]*))?", positive)
    if match is None or len(pattern) > 200:
        raise ExpressionError(f"Not a pattern of a number: {pattern[:50]!r}")
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    exact *= 100 if "%" in positive else 1000 if "‰" in positive else 1
    whole, fraction = match[0].partition(".")[0], match[1] or ""
    rounded = _rounded(exact, len(fraction))
    body = f"{abs(rounded):{',' if ',' in whole else ''}f}"
    integer, _, digits = body.partition(".")
    while digits.endswith("0") and len(digits) > fraction.count("0"):
        digits = digits[:-1]
    integer = integer.zfill(whole.count("0")) if "0" in whole else integer.lstrip("0")
    made = (
        positive[: match.start()]
        + integer
        + ("." + digits if digits else "")
        + positive[match.end() :]
    )
    if rounded < 0:
        made = (
            negative.replace(match[0], integer + ("." + digits if digits else ""))
            if negative
            else "-" + made
        )
    return made or "0"


def _rounded(value: Decimal, digits: int) -> Decimal:
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 400
        return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


@filter_("className")
def class_name(value: Value) -> str:
    """The name of the value's kind, as Java has it.

    >>> show("{{ 'a' | className }} {{ [1] | className }}")
    'java.lang.String java.util.ArrayList'
    """
    return kind_of(value)
