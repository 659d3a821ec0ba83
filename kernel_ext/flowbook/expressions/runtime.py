"""What compiled templates call: the operators and tags that have no node of their own in Jinja2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Macro, Undefined
from jinja2.utils import pass_context

from flowbook.errors import ExpressionError

from . import operators, patterns
from .bounds import measured, rendering
from .registry import FUNCTIONS as REGISTERED
from .registry import METHODS, Function, blame, guarded
from .text import text_of
from .values import Entry, JsonText, TableValue, Value, is_list, is_number, kind_of, opened

if TYPE_CHECKING:
    from .environment import PebbleContext

MAX_DEPTH = 50
"""How deep macros may call each other."""


def never(*_: Value) -> Value:
    """Stands for a lazy operator in the table of filters; its calls are compiled differently."""
    raise AssertionError("a lazy operator was called")


@pass_context
def truth(context: PebbleContext, value: Value, where: str) -> bool:
    """Whether a value counts as true; more than the reference accepts, except where a reading depends on it."""
    if value is True or value is False:
        return value
    if is_number(value):
        return bool(value != 0)
    if isinstance(value, Undefined) or value is None:
        if where == "strict not":
            raise ExpressionError(f"{kind_of(value)} given to 'not'")
        return False
    if isinstance(value, str):
        if where == "if" and not context.environment.is_strict:
            return is_true_text(value, "seed")
        return value != ""
    if where == "strict not":
        raise ExpressionError(f"{kind_of(value)} given to 'not'")
    if isinstance(value, TableValue):
        return value.rows > 0
    return bool(value)


def is_true_text(text: str, dialect: str) -> bool:
    """Whether a rendered text counts as true where a condition stands.

    >>> [is_true_text(text, "kestra") for text in ("", "0", "false", "False", "no")]
    [False, False, False, True, True]
    """
    if text in ("", "0", "-0", "false"):
        return False
    return dialect == "kestra" or text.lower() != "false"


@pass_context
def choose(context: PebbleContext, value: Value) -> bool:
    """The condition of `c ? a : b`; null takes the other part."""
    return False if value is None else truth(context, value, "ternary")


@pass_context
def key(context: PebbleContext, obj: Value, name: str) -> Value:
    """A name with hyphens. Missing is an error in every dialect: the next reading is tried then."""
    from .undefined import lost

    obj = obj.parsed if isinstance(obj, JsonText) else obj
    if isinstance(obj, Mapping) and name in obj:
        return obj[name]
    raise lost(name, obj)


class Each:
    """What a loop runs over: has a length, and pays for every turn."""

    def __init__(self, items: Sequence[Value], characters: int) -> None:
        self.items, self.characters = items, characters

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Value]:
        turn = rendering().turn
        for item in self.items:
            turn(self.characters)
            yield item


@pass_context
def each(context: PebbleContext, value: Value, characters: int, pairs: bool) -> Each | tuple[()]:
    """The items a loop runs over: a map's entries in the kestra dialect, its keys in the seed dialect."""
    is_kestra = context.environment.is_strict
    context.null_loop = value is None and is_kestra
    if value is None or isinstance(value, Undefined):
        return ()
    value = opened(value)
    if isinstance(value, Mapping):
        entries = is_kestra or pairs
        return Each(
            [Entry(*item) for item in value.items()] if entries else list(value), characters
        )
    if is_list(value):
        return Each(value, characters)
    if isinstance(value, str) and not is_kestra:
        return Each(value, characters)
    raise ExpressionError(f"Not an iterable object: {kind_of(value)}")


def method_of(obj: Value, name: str) -> Function | None:
    for kinds, table in METHODS:
        if name in table and isinstance(obj, kinds):
            return table[name]
    return None


DATE_PARTS = frozenset({"year", "month", "day", "hour", "minute", "second"})


def part_of(obj: Value, name: str) -> Callable[[Any], Value] | None:
    """A part that is read like a key: `list.size`, `date.year`, `duration.seconds`."""
    if isinstance(obj, date):
        return (lambda value: getattr(value, name, None)) if name in DATE_PARTS else None
    if isinstance(obj, timedelta):
        return (lambda value: value // timedelta(seconds=1)) if name == "seconds" else None
    if name in ("size", "length") and method_of(obj, name):
        return len
    return None


@pass_context
def method(context: PebbleContext, obj: Value, name: str, *args: Value, **kwargs: Value) -> Value:
    """`value.name(…)`: a listed method, never Python's own attribute."""
    if isinstance(obj, Undefined):
        return context.environment.absent(f"{name}()", obj)
    found = method_of(obj, name)
    if found is None and isinstance(obj, JsonText | TableValue):
        obj = opened(obj)
        found = method_of(obj, name)
    if found is None and isinstance(obj, LoopContext) and name == "cycle" and args:
        return args[obj.index0 % len(args)]
    if found is None:
        if obj is None:
            from .undefined import lost

            raise lost(name, obj)
        raise blame(ExpressionError(f"{kind_of(obj)} has no method `{name}`"), "method", name)
    return found(obj, *args, **kwargs)


@pass_context
def call(context: PebbleContext, name: str, *args: Value, **kwargs: Value) -> Value:
    """`name(…)`: a function."""
    clock = rendering()
    clock.turn()
    scope = clock.scope
    if any(isinstance(value, Undefined) for value in args):
        args = tuple(None if isinstance(value, Undefined) else value for value in args)
    if name in FUNCTIONS:
        if scope is not None and scope.recursive and name in ("render", "renderOnce"):
            raise ExpressionError(f"Function or Macro [{name}] does not exist")
        return FUNCTIONS[name](context, *args, **kwargs)
    return REGISTERED[name](*args, **kwargs)


def macro(called: Value, *args: Value, **kwargs: Value) -> Value:
    """`name(…)`: a macro of the template."""
    clock = rendering()
    clock.turn()
    if not isinstance(called, Macro):
        raise SecurityError("This can't be called")
    if clock.depth >= MAX_DEPTH:
        raise ExpressionError(f"Macros call each other more than {MAX_DEPTH} deep")
    clock.depth += 1
    try:
        return called(*args, **kwargs)
    finally:
        clock.depth -= 1


def literal(value: Value) -> Value:
    """A list or map that a template writes; what is missing is null in it."""
    made: Value
    if isinstance(value, dict):
        made = {name: None if isinstance(item, Undefined) else item for name, item in value.items()}
    else:
        made = [None if isinstance(item, Undefined) else item for item in value]
    measured(made, keep=True)
    return made


@pass_context
def cut(
    context: PebbleContext, value: Value, start: Value, stop: Value, step: Value = None
) -> Value:
    """`a[start:stop:step]`, as in Python."""
    value = opened(value)
    if isinstance(value, Undefined):
        return value
    if not isinstance(value, str) and not is_list(value):
        raise ExpressionError(f"A slice needs text or a list, not {kind_of(value)}")
    if not all(bound is None or type(bound) is int for bound in (start, stop, step)) or step == 0:
        raise ExpressionError("The bounds of a slice are whole numbers, and its step is not 0")
    return value[start:stop:step]


@pass_context
def concatenate(context: PebbleContext, *operands: Value) -> str:
    return operators.concatenate(operands, context.environment.dialect)


# -- functions that need the template's own context


def render_again(context: PebbleContext, toRender: Value, recursive: bool = True) -> Value:
    """`render(v)`: the value with the templates in it rendered, also inside lists and maps."""
    from .program import rendered_within

    variables = context.get_all()

    def deep(value: Value) -> Value:
        if isinstance(value, str):
            return rendered_within(value, variables, recursive=recursive)
        if isinstance(value, Mapping):
            return {deep(name): deep(item) for name, item in value.items()}
        if is_list(value):
            return [deep(item) for item in value]
        return value

    return deep(toRender)


def render_once(context: PebbleContext, toRender: Value) -> Value:
    """`renderOnce(v)`: as `render`, but templates in what comes out stay."""
    return render_again(context, toRender, recursive=False)


def print_context(context: PebbleContext) -> Value:
    """`printContext()`, `fetchContext()`: every variable."""
    return dict(context.get_all())


def call_block(context: PebbleContext, name: str) -> str:
    """`block("name")`: the text of a block of this template, again."""
    from .parser import block_name

    if (found := context.blocks.get(block_name(text_of(name)))) is None:
        raise ExpressionError(f"No block has the name {name!r}")
    clock = rendering()
    if clock.depth >= MAX_DEPTH:
        raise ExpressionError(f"Blocks call each other more than {MAX_DEPTH} deep")
    clock.depth += 1
    was_typed, clock.typed = clock.typed, False
    try:
        return "".join(found[0](context))
    finally:
        clock.depth -= 1
        clock.typed = was_typed


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "render": render_again,
    "renderOnce": render_once,
    "printContext": print_context,
    "fetchContext": print_context,
    "block": call_block,
}
COMPARISONS: dict[str, Callable[..., Value]] = {
    "==": operators.equal,
    "!=": operators.not_equal,
    **{
        name: guarded(function, "test", name)
        for name, function in {
            "<": operators.less,
            ">": operators.greater,
            "<=": operators.at_most,
            ">=": operators.at_least,
            "contains": operators.contains,
            "in": operators.inside,
            "isIn": operators.is_in,
            "isNotIn": lambda wanted, container: not operators.is_in(wanted, container),
            "matches": patterns.matches,
        }.items()
    },
}
# taking the context also keeps the compiler from folding a call into a constant
OPERATORS: dict[str, Callable[..., Value]] = {
    "~": concatenate,
    "..": pass_context(lambda context, start, stop: operators.inclusive(start, stop)),
    "?truth": truth,
    "?choose": choose,
    "?key": key,
    "?each": each,
    "?method": method,
    "?call": call,
    "?macro": macro,
    "?literal": literal,
    "?slice": cut,
    "?some": pass_context(lambda context, _: not context.null_loop),
    "?scope": pass_context(
        lambda context, step: context.scopes.append({}) if step > 0 else context.scopes.pop()
    ),
    "?declare": pass_context(
        lambda context, name, value: context.scopes[-1].__setitem__(name, value)
    ),
    "?set": pass_context(lambda context, name, value: context.assign(name, value)),
    "?get": pass_context(lambda context, name: context.variable(name)),
}
