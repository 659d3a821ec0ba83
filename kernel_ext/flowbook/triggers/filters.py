"""The operators of filters: what `where` of a Flow trigger compares."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from flowbook.errors import ExpressionError

SECONDS = 0.5
"""The longest that a pattern may look at a value."""


class Operator(StrEnum):
    """How a value is tested."""

    EQUAL_TO = "EQUAL_TO"
    NOT_EQUAL_TO = "NOT_EQUAL_TO"
    IN = "IN"
    NOT_IN = "NOT_IN"
    IS_TRUE = "IS_TRUE"
    IS_FALSE = "IS_FALSE"
    IS_NULL = "IS_NULL"
    IS_NOT_NULL = "IS_NOT_NULL"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    REGEX = "REGEX"
    CONTAINS = "CONTAINS"

    @property
    def takes_values(self) -> bool:
        """Whether it compares with several values."""
        return self in (Operator.IN, Operator.NOT_IN)

    @property
    def needs_no_value(self) -> bool:
        """Whether it looks at the tested value alone."""
        return self.value.startswith("IS_")


def passes(operator: Operator, actual: str, value: str = "", values: Collection[str] = ()) -> bool:
    """Whether a value passes a test. Raises `ExpressionError` for a pattern that is none or takes too long."""
    match operator:
        case Operator.EQUAL_TO:
            return actual == value
        case Operator.NOT_EQUAL_TO:
            return actual != value
        case Operator.IN:
            return actual in values
        case Operator.NOT_IN:
            return actual not in values
        case Operator.IS_TRUE:
            return actual.strip().lower() == "true"
        case Operator.IS_FALSE:
            return actual.strip().lower() == "false"
        case Operator.IS_NULL:
            return actual.strip() in ("", "null")
        case Operator.IS_NOT_NULL:
            return actual.strip() not in ("", "null")
        case Operator.STARTS_WITH:
            return actual.startswith(value)
        case Operator.ENDS_WITH:
            return actual.endswith(value)
        case Operator.REGEX:
            return _matches(value, actual)
        case Operator.CONTAINS:
            return value in actual


def _matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits, as in Java."""
    from flowbook.expressions.patterns import compiled

    try:
        found = compiled(pattern).fullmatch(text, timeout=SECONDS, concurrent=True)
    except TimeoutError:
        raise ExpressionError(f"Pattern took too long: {pattern[:200]}") from None
    return found is not None
