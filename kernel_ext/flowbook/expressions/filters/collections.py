"""Filters on lists, maps and whatever else has parts."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from ..bounds import MAX_PARTS, measured, rendering, room_for
from ..operators import equal, smallest_first
from ..registry import filter_
from ..text import text_of
from ..values import Entry, TableValue, Value, is_list, kind_of, opened


def is_seed() -> bool:
    scope = rendering().scope
    return scope is not None and scope.dialect == "seed"


def items_of(value: Value, name: str) -> list[Value]:
    """What a filter on lists works on: a list's items, a map's keys, a text's characters."""
    value = opened(value)
    if isinstance(value, Mapping):
        return list(value)
    if isinstance(value, str) or is_list(value):
        return list(value)
    raise refused(name, value)


def refused(name: str, value: Value, what: str = "List") -> ExpressionError:
    """What a filter says to a value of another kind."""
    return ExpressionError(
        f"'{name}' filter can only be applied to {what}. Actual type was: {kind_of(value)}"
    )


@filter_("default", "d", null=True)
def default(value: Value, default_value: Value = "", boolean: bool = False) -> Value:
    """Another value where this one is missing, null or empty; in the seed dialect only where missing or null.

    >>> show("{{ missing | default('x') }} {{ '' | default('y') }} {{ 0 | default(5) }}")
    'x y 0'
    """
    if value is None or isinstance(value, Undefined):
        return default_value
    if is_seed():
        return default_value if boolean and not opened(value) else value
    if isinstance(value, str):
        return default_value if not value.strip() else value
    if isinstance(value, Mapping) or is_list(value):
        return value or default_value
    return value


@filter_("length", "count", null=True)
def length(value: Value) -> int:
    """How many items, entries or characters there are; 0 of null.

    >>> show("{{ [1, 2] | length }} {{ 'abc' | length }} {{ null | length }}")
    '2 3 0'
    """
    if isinstance(value, TableValue):
        return value.rows
    value = opened(value)
    return len(value) if isinstance(value, str | Mapping) or is_list(value) else 0


@filter_("first")
def first(value: Value) -> Value:
    """The first item; null of an empty list.

    >>> show("{{ [1, 2] | first }}")
    '1'
    """
    return next(iter(items_of(value, "first")), None)


@filter_("last")
def last(value: Value) -> Value:
    """The last item; null of an empty list.

    >>> show("{{ [1, 2] | last }}")
    '2'
    """
    items = items_of(value, "last")
    return items[-1] if items else None


@filter_("slice")
def slice_(value: Value, start: int = 0, stop: int | None = None) -> Value:
    """A part of a text or list, from one index up to another; bounds outside are an error (seed: clipped).

    >>> show("{{ [1, 2, 3] | slice(1, 3) }} {{ 'abc' | slice(1) }}")
    '[2,3] bc'
    """
    items = opened(value)
    if not isinstance(items, str) and not is_list(items):
        raise refused("slice", value, "String or List")
    if not is_seed():
        end = len(items) if stop is None else stop
        if not 0 <= start <= end <= len(items):
            raise ExpressionError(
                f"Slice from {start} to {end} is out of bounds: the length is {len(items)}"
            )
    return items[start:stop]


@filter_("join")
def join(value: Value, separator: Value = "", attribute: Value = None) -> str:
    """The texts of all items, with a separator between them.

    >>> show("{{ [1, 2] | join(', ') }} {{ ['a', 'b'] | join }}")
    '1, 2 ab'
    """
    opened_value = opened(value)
    if isinstance(opened_value, Mapping):
        raise refused("join", value)
    items = items_of(value, "join")
    if attribute is not None:
        from .pick import picked

        items = [picked(item, attribute) for item in items]
    measured(items)
    between, parts = text_of(separator), []
    size = 0
    for item in items:
        parts.append(text_of(item))
        size += len(parts[-1]) + len(between)
        room_for(size)
    return between.join(parts)


@filter_("sort")
def sort(
    value: Value, reverse: bool = False, case_sensitive: bool = False, attribute: Value = None
) -> list[Value]:
    """The items in their natural order.

    >>> show("{{ [3, 1, 2] | sort }} {{ [{'n': 2}, {'n': 1}] | sort(attribute='n') }}")
    '[1,2,3] [{"n":1},{"n":2}]'
    """
    items = items_of(value, "sort")
    if attribute is None:
        found = smallest_first(items)
        return found[::-1] if reverse else found
    from .pick import picked

    if len(items) > 20_000:
        raise ExpressionError("A list of more than 20,000 items can't be sorted by an attribute")
    return sorted(items, key=lambda item: picked(item, attribute), reverse=reverse)


@filter_("rsort")
def rsort(value: Value) -> list[Value]:
    """The items in their natural order, the largest first.

    >>> show("{{ [3, 1, 2] | rsort }}")
    '[3,2,1]'
    """
    return smallest_first(items_of(value, "rsort"))[::-1]


@filter_("reverse")
def reverse(value: Value) -> Value:
    """The items, or the characters of a text, last first.

    >>> show("{{ [1, 2] | reverse }} {{ 'ab' | reverse }}")
    '[2,1] ba'
    """
    items = opened(value)
    return items[::-1] if isinstance(items, str) else items_of(value, "reverse")[::-1]


@filter_("merge", null=True)
def merge(value: Value, items: Value) -> Value:
    """Two lists one after the other, or two maps in one, where the right one wins.

    >>> show("{{ [1] | merge([2]) }} {{ {'a': 1, 'b': 1} | merge({'b': 2}) }}")
    '[1,2] {"a":1,"b":2}'
    """
    value, items = opened(value), opened(items)
    if (
        value is None
        or isinstance(value, Undefined)
        or items is None
        or isinstance(items, Undefined)
    ):
        return items if value is None or isinstance(value, Undefined) else value
    if isinstance(value, Mapping):
        if isinstance(items, Mapping):
            return {**value, **items}
        if is_list(items):
            return {**value, **dict.fromkeys(items)}
        raise ExpressionError(f"A map can't be merged with {kind_of(items)}")
    if is_list(value) and is_list(items):
        return [*value, *items]
    raise ExpressionError(
        f"Only lists with lists and maps with maps are merged, not {kind_of(value)} with {kind_of(items)}"
    )


@filter_("chunk", "batch")
def chunk(value: Value, size: int, fill_with: Value = None) -> list[list[Value]]:
    """The list in lists of a size.

    >>> show("{{ [1, 2, 3] | chunk(2) }}")
    '[[1,2],[3]]'
    """
    items = opened(value)
    if not is_list(items):
        raise refused("chunk", value)
    if type(size) is not int or size < 1:
        raise ExpressionError("The 'chunk' filter expects a size of at least 1")
    chunks = [list(items[at : at + size]) for at in range(0, len(items), size)]
    if fill_with is not None and chunks:
        if size > MAX_PARTS:
            raise ExpressionError(f"A list has more than {MAX_PARTS} items")
        chunks[-1] += [fill_with] * (size - len(chunks[-1]))
    return chunks


@filter_("flatten")
def flatten(value: Value) -> list[Value]:
    """The list with the items of the lists in it, one level deep.

    >>> show("{{ [1, [2, [3]]] | flatten }}")
    '[1,2,[3]]'
    """
    items = opened(value)
    if not is_list(items):
        raise refused("flatten", value)
    return [inner for item in items for inner in (item if is_list(item) else [item])]


@filter_("distinct", "unique")
def distinct(value: Value, case_sensitive: bool = True, attribute: Value = None) -> list[Value]:
    """The items without those that came before.

    >>> show("{{ [1, 2, 1] | distinct }}")
    '[1,2]'
    """
    from .pick import picked

    seen: set[object] = set()
    odd: list[Value] = []
    found, clock = [], rendering()
    for item in items_of(value, "distinct"):
        key = item if attribute is None else picked(item, attribute)
        mark: object = (isinstance(key, bool), key)
        try:
            is_known = mark in seen
            seen.add(mark)
        except TypeError:  # maps and lists can't be hashed
            is_known = False
            for other in odd:
                clock.turn()
                if equal(key, other):
                    is_known = True
                    break
            odd.append(key)
        if not is_known:
            found.append(item)
    return found


@filter_("keys")
def keys(value: Value) -> list[Value]:
    """The keys of a map, the indices of a list.

    >>> show("{{ {'a': 1, 'b': 2} | keys }} {{ ['x', 'y'] | keys }}")
    '["a","b"] [0,1]'
    """
    value = opened(value)
    if isinstance(value, Mapping):
        return list(value)
    if is_list(value):
        return list(range(len(value)))
    raise refused("keys", value, "Map or List")


@filter_("values")
def values(value: Value) -> list[Value]:
    """The values of a map.

    >>> show("{{ {'a': 1, 'b': 2} | values }}")
    '[1,2]'
    """
    opened_value = opened(value)
    if not isinstance(opened_value, Mapping):
        raise refused("values", value, "Map")
    return list(opened_value.values())


@filter_("items", "entries")
def items(value: Value) -> list[Entry]:
    """The entries of a map, each with `key` and `value`.

    >>> show("{% for entry in {'a': 1} | items %}{{ entry.key }}{{ entry.value }}{% endfor %}")
    'a1'
    """
    opened_value = opened(value)
    if not isinstance(opened_value, Mapping):
        raise refused("items", value, "Map")
    return [Entry(*item) for item in opened_value.items()]


@filter_("dictsort")
def dictsort(
    value: Value, case_sensitive: bool = False, by: str = "key", reverse: bool = False
) -> list[Entry]:
    """The entries of a map in the order of their keys, or `by='value'`.

    >>> show("{% for k, v in {'b': 1, 'a': 2} | dictsort %}{{ k }}{{ v }}{% endfor %}")
    'a2b1'
    """
    entries = items(value)
    if by not in ("key", "value"):
        raise ExpressionError("The 'dictsort' filter sorts by 'key' or 'value'")
    found = [entry.key if by == "key" else entry.value for entry in entries]
    order = sorted(range(len(entries)), key=lambda at: found[at], reverse=reverse)
    return [entries[at] for at in order]


@filter_("list")
def list_(value: Value) -> list[Value]:
    """The items as a list; of a map its keys, of a text its characters.

    >>> show("{{ {'a': 1} | list }} {{ 'ab' | list }}")
    '["a"] ["a","b"]'
    """
    opened_value = opened(value)
    return list(opened_value) if isinstance(opened_value, Mapping) else items_of(value, "list")
