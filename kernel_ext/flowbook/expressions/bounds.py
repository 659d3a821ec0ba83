"""What one render may cost: time, turns, size. Every loop, call and operator that can grow looks here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from flowbook.errors import ExpressionError

from .values import BigInteger, Value, is_list

if TYPE_CHECKING:
    from .scope import Scope

SECONDS = 5.0
MAX_TURNS = 1_000_000
MAX_TEXT = 10 * 2**20
MAX_PARTS = 1_000_000
MAX_BITS = 65_536
MAX_TOKENS = 50_000
MAX_SIZES = 1_000
"""Literals whose size is remembered during one render."""


class Rendering:
    """One call of `render` from outside: its scope, its deadline and what it has used up so far."""

    __slots__ = ("deadline", "depth", "scope", "sizes", "ticks", "turns", "typed", "written")

    def __init__(self, scope: Scope | None, seconds: float = SECONDS) -> None:
        self.scope = scope
        self.deadline = time.monotonic() + seconds
        self.turns = self.written = self.ticks = 0
        self.depth = 0
        self.typed = False
        self.sizes: dict[int, tuple[int, int, Value]] = {}

    def turn(self, characters: int = 0) -> None:
        """Count one turn of a loop, a range or a macro, which writes so many characters of plain text."""
        self.turns += 1
        if self.turns > MAX_TURNS:
            raise ExpressionError(f"Rendering took more than {MAX_TURNS} turns")
        if characters:
            self.wrote(characters)
        self.ticks += 1
        if self.ticks & 63 == 0:
            self.check_time()

    def wrote(self, characters: int) -> None:
        """Count text on its way to the output."""
        self.written += characters
        if self.written > MAX_TEXT:
            raise too_large()
        self.ticks += 1
        if self.ticks & 63 == 0 or characters > 65_536:
            self.check_time()

    def check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise ExpressionError(f"Rendering took longer than PT{SECONDS:g}S")

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


_current: ContextVar[Rendering | None] = ContextVar("rendering", default=None)


def rendering() -> Rendering:
    """The render that is going on; a fresh one for code that is called outside any."""
    found = _current.get()
    return found if found is not None else Rendering(None)


enter = _current.set
leave = _current.reset


def too_large() -> ExpressionError:
    return ExpressionError("Rendered text is larger than 10 MiB")


def room_for(characters: int) -> None:
    """Refuse a text before it is made."""
    if characters > MAX_TEXT:
        raise too_large()


def bounded(value: Value) -> Value:
    """The value, unless it is larger than any value of a template may be."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise too_large()
    elif isinstance(value, list):
        if len(value) > MAX_PARTS:
            raise ExpressionError(f"A list has more than {MAX_PARTS} items")
    elif isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise ExpressionError("Result is too large")
    elif isinstance(value, float) and value - value != 0:  # infinite, or not a number
        raise ExpressionError("Result is too large")
    return value


def measured(value: Value, *, keep: bool = False) -> int:
    """How many parts a list or map has, all the way down.

    `[x, x]`, forty times over, is small to hold and endless to walk, so the parts are counted, not the objects. What a
    template writes as a literal is kept with its size, so that the next literal around it needn't walk it again.
    """
    parts, characters, rest, clock = 0, 0, [value], rendering()
    sizes = clock.sizes
    while rest:
        item = rest.pop()
        kind = type(item)
        parts += 1
        if kind is str:
            characters += len(item)
        elif kind is int or kind is float or kind is bool or item is None:
            continue
        elif id(item) in sizes:
            parts += sizes[id(item)][0] - 1
            characters += sizes[id(item)][1]
        elif kind is dict or isinstance(item, Mapping):
            rest += item.values()
            characters += sum([len(key) for key in item if type(key) is str])
        elif kind is list or is_list(item):
            rest += item
        elif isinstance(item, str):
            characters += len(item)
        if parts + len(rest) > MAX_PARTS:
            raise ExpressionError(f"A value has more than {MAX_PARTS} parts")
        if characters > MAX_TEXT:
            raise too_large()
        if parts & 8191 == 0:
            clock.check_time()
    if keep and len(sizes) < MAX_SIZES:
        sizes[id(value)] = (parts, characters, value)
    return parts


def ranged(numbers: range) -> list[int]:
    """A range as a list; each of its steps is a turn."""
    clock = rendering()
    clock.turns += len(numbers) if len(numbers) <= MAX_TURNS else MAX_TURNS + 1
    if clock.turns > MAX_TURNS:
        raise ExpressionError(f"Rendering took more than {MAX_TURNS} turns")
    return list(numbers)


def whole(value: int) -> str:
    """A whole number in decimal; Python itself refuses those beyond 4,300 digits."""
    if value.bit_length() < 10_000 or (
        isinstance(value, BigInteger) and value.bit_length() < 10_000
    ):
        return int.__repr__(value)
    from decimal import Decimal

    return format(Decimal(value), "f")
