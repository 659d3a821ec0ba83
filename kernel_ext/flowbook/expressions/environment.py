"""Jinja2's sandbox with Pebble's lexer and parser, lookups and strictness.

A missing name or key raises at the lookup, and `??`, `???`, `is defined` and `default` catch that around their
operand: so no undefined value can wander into lists, maps or arguments. The seed dialect's undefined values chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache, cached_property, partial
from typing import Any, ClassVar

from jinja2 import nodes
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from flowbook.errors import ExpressionError

from . import elsewhere, operators, registry, runtime
from .bounds import rendering
from .compiler import LAZY, PebbleCodeGenerator
from .lexer import PebbleLexer
from .nested import RENDERED, RenderedMap
from .parser import PebbleParser
from .text import text_of
from .undefined import CHAINED, NameLost, SeedUndefined, StrictUndefined, lost
from .values import (
    STATE_PARTS,
    TABLE_PARTS,
    Entry,
    JsonText,
    PartedText,
    StateText,
    TableValue,
    Value,
    is_list,
    opened,
)

LOOP = {
    "index": "index0",
    "revindex": "revindex0",
    **{
        name: name
        for name in ("index0", "revindex0", "length", "first", "last", "previtem", "nextitem")
    },
}
"""A loop's parts in Pebble's words, in Jinja2's."""
SEED_LOOP = {
    **{name: name for name in ("index", "revindex", *LOOP)},
    **{name: name for name in ("depth", "depth0", "cycle", "changed")},
}


class PebbleContext(Context):
    """The names of one render; `scopes` holds the variables that some loop sets (see `loops.py`)."""

    environment: PebbleEnvironment
    scopes: list[dict[str, Value]]
    null_loop = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scopes = [{}]

    def get_all(self) -> Mapping[str, Value]:  # type: ignore[override]
        found = (
            {**self.parent, **self.vars}
            if self.vars or not isinstance(self.parent, dict)
            else self.parent
        )
        for scope in self.scopes:
            if scope:
                found = {**found, **scope}
        return found

    def resolve_or_missing(self, key: str) -> Value:
        value = super().resolve_or_missing(key)
        if key in RENDERED and not self.environment.is_strict and isinstance(value, Mapping):
            return RenderedMap(value, self.parent)
        return value

    def assign(self, name: str, value: Value) -> None:
        """Set a variable where it is, else in the innermost scope."""
        outer = self.scopes[0] if name in self.parent else self.scopes[-1]
        next((scope for scope in reversed(self.scopes) if name in scope), outer)[name] = value

    def variable(self, name: str) -> Value:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return self.resolve(name)

    def derived(self, locals: dict[str, Any] | None = None) -> PebbleContext:
        context = super().derived(locals)
        assert isinstance(context, PebbleContext)
        context.scopes = self.scopes
        return context


def leaving(value: Value) -> Value:
    """A value as it leaves a typed render: nothing in it depends on the render any more."""
    if isinstance(value, RenderedMap):
        return value.whole()
    if isinstance(value, Undefined):
        return None
    if isinstance(value, date | time | timedelta | Decimal):
        return text_of(value)
    return value


class Shown:
    """A value on its way out of a typed render, before it becomes text."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


class PebbleEnvironment(SandboxedEnvironment):
    """One for each dialect, shared by all threads: whatever belongs to one render is in `bounds.rendering()`."""

    code_generator_class = PebbleCodeGenerator
    context_class = PebbleContext
    intercepted_unops: ClassVar[frozenset[str]] = frozenset("-+")  # type: ignore[misc]
    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"+", "-", "*", "/", "//", "%", "**"})  # type: ignore[misc]

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.is_strict = dialect == "kestra"
        super().__init__(
            undefined=StrictUndefined if self.is_strict else SeedUndefined,
            keep_trailing_newline=True,
            optimized=False,  # the optimizer visits every subtree again for each of its ancestors
            cache_size=0,
        )
        registry.load()
        self._knows_more = False
        self.filters = {
            **registry.FILTERS,
            **runtime.OPERATORS,
            **dict.fromkeys(LAZY, runtime.never),
        }
        self.tests = {**registry.TESTS, **runtime.COMPARISONS}
        self.functions = {**registry.FUNCTIONS, **runtime.FUNCTIONS}
        self.loop_parts = LOOP if self.is_strict else SEED_LOOP
        self.binop_table: dict[str, Callable[[Value, Value], Value]] = {
            "+": operators.add if self.is_strict else partial(operators.add, dialect=dialect),
            "-": operators.subtract,
            "*": operators.multiply
            if self.is_strict
            else partial(operators.multiply, dialect=dialect),
            "/": operators.divide if self.is_strict else operators.true_divide,
            "//": operators.floor_divide,
            "%": operators.remainder if self.is_strict else operators.modulo,
            "**": operators.power,
        }
        self.unop_table: dict[str, Callable[[Value], Value]] = {
            "-": operators.negate,
            "+": operators.affirm,
        }

    def knows(self, table: dict[str, Any], name: str) -> bool:
        """Whether there is a filter, test or function of this name, those of other packages included."""
        if name not in table and not self._knows_more:
            self._knows_more = True
            elsewhere.load_words()
            for own, entered in (
                (self.filters, registry.FILTERS),
                (self.tests, registry.TESTS),
                (self.functions, registry.FUNCTIONS),
            ):
                own.update({word: entered[word] for word in entered.keys() - own.keys()})
        return name in table

    @cached_property
    def lexer(self) -> PebbleLexer:
        return PebbleLexer(self)  # Jinja2's cache of lexers would mix ours with its own

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return PebbleParser(self, source).parse()

    # -- what generated code calls

    def written(self, value: Value) -> str:
        """The text of an output."""
        text = text_of(value, self.dialect)
        rendering().wrote(len(text))
        return text

    def emitted(self, value: Value) -> str | Shown:
        """An output of the template itself: its text, or the value where that is wanted."""
        if not rendering().typed:
            return self.written(value)
        return Shown(leaving(value))

    def attempt(self, operand: Callable[[], Value]) -> Value:
        """The operand, null when it can't be found."""
        try:
            return operand()
        except UndefinedError:
            return None
        except ExpressionError as error:
            if error.unknown is None:
                raise
            return None

    def coalesce(self, left: Callable[[], Value], right: Callable[[], Value]) -> Value:
        value = self.attempt(left)
        return right() if value is None or isinstance(value, Undefined) else value

    def coalesce_undefined(self, left: Callable[[], Value], right: Callable[[], Value]) -> Value:
        try:
            value = left()
        except UndefinedError:
            return right()
        except ExpressionError as error:
            if error.unknown is None:
                raise
            return right()
        return right() if isinstance(value, Undefined) else value

    def present(self, operand: Callable[[], Value]) -> Value:
        """`e ?? raise`: neither missing nor null."""
        value = self.exists(operand)
        if value is None:
            raise ExpressionError("Unable to find a value: it is null")
        return value

    def exists(self, operand: Callable[[], Value]) -> Value:
        """`e ??? raise`: an error when missing, in either dialect."""
        value = operand()
        if isinstance(value, Undefined):
            raise lost(value._undefined_name)
        return value

    def first_reading(self, *readings: Callable[[], Value]) -> Value:
        """The first reading of an expression whose lookups exist and whose operators fit."""
        first: Exception | None = None
        for reading in readings:
            try:
                return reading()
            except (UndefinedError, ExpressionError) as error:
                is_lookup = isinstance(error, UndefinedError) or error.unknown is not None
                if first is None or (isinstance(first, NameLost) and not is_lookup):
                    first = error  # says more than that a name with a hyphen isn't there
        assert first is not None
        if not self.is_strict and isinstance(first, UndefinedError):
            return self.absent(first.name if isinstance(first, NameLost) else None)
        raise first

    def absent(self, name: object, obj: Value = missing) -> Value:
        """What a lookup in vain gives: an error, or the seed dialect's empty value, which is noted once."""
        if self.is_strict:
            raise lost(name, obj)
        if isinstance(obj, SeedUndefined):
            return SeedUndefined(CHAINED, name=f"{obj.path}.{name}")
        return SeedUndefined(name=str(name))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a map's key, or a part that values of this kind have. Never a Python attribute."""
        if type(obj) is dict or isinstance(obj, Mapping):
            if attribute in obj:
                return obj[attribute]
            return self.absent(attribute)
        return self._part(obj, attribute)

    def _part(self, obj: Any, name: str) -> Any:
        if isinstance(obj, Undefined):
            return self.absent(name, obj)
        if isinstance(obj, LoopContext):
            return (
                getattr(obj, self.loop_parts[name])
                if name in self.loop_parts
                else self.absent(name)
            )
        if isinstance(obj, Entry):
            if name in ("key", "value"):
                return getattr(obj, name)
        elif isinstance(obj, StateText):
            if name in STATE_PARTS:
                return getattr(obj, name)
        elif isinstance(obj, PartedText):
            if name in obj.parts:
                return obj.parts[name]
        elif isinstance(obj, JsonText):
            if obj.parsed is not obj and not isinstance(obj.parsed, str):
                return self.getitem(obj.parsed, name)
        elif isinstance(obj, TableValue):
            if name in TABLE_PARTS:
                return getattr(obj, name)
            if name.isdigit():
                return self.getitem(obj.records(), int(name))
        elif is_list(obj) and name.isdigit():
            return self.getitem(obj, int(name))
        if (part := runtime.part_of(obj, name)) is not None:
            return part(obj)
        return self.absent(name, obj)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        if isinstance(obj, Mapping):
            if argument in obj if not isinstance(argument, list | dict) else False:
                return obj[argument]
            if not isinstance(argument, str) and (name := text_of(argument)) in obj:
                return obj[name]  # keys are texts: `outputs.each[1]`, `outputs.each[item]`
            return self.absent(text_of(argument))
        if isinstance(obj, Undefined):
            return self.absent(text_of(argument), obj)
        if isinstance(argument, bool):
            return self.absent(text_of(argument))
        if isinstance(argument, int):
            items = opened(obj)
            if isinstance(items, Mapping):
                return self.getitem(items, argument)
            is_indexable = is_list(items) or (isinstance(items, str) and not self.is_strict)
            if is_indexable and -len(items) <= argument < len(items):
                return items[argument]
            return self.absent(argument, obj)
        if isinstance(argument, str):
            return self._part(obj, argument)
        return self.absent(text_of(argument), obj)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for side in (left, right):
            is_joined = operator == "+" and (isinstance(left, str) or isinstance(right, str))
            if isinstance(side, SeedUndefined) and not is_joined:
                raise ExpressionError(
                    f"Could not perform {operator!r}: `{side.path}` is undefined", unknown=side.path
                )
        try:
            return self.binop_table[operator](left, right)
        except ExpressionError as error:
            raise registry.blame(error, "operator", operator) from error

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        try:
            return self.unop_table[operator](arg)
        except ExpressionError as error:
            raise registry.blame(error, "operator", operator) from error

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        raise SecurityError("This can't be called")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False


@cache
def environment(dialect: str) -> PebbleEnvironment:
    """The one environment of a dialect."""
    if dialect not in ("kestra", "seed"):
        raise ExpressionError(f"No such dialect: {dialect!r}; there are kestra and seed")
    return PebbleEnvironment(dialect)
