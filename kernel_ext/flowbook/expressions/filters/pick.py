"""Filters that look into the items of a list: `map`, `select`, `groupby` and their like."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2.runtime import Undefined

from flowbook.errors import ExpressionError

from ..bounds import rendering
from ..operators import add, equal, greater, less
from ..registry import FILTERS, TESTS, Function, filter_
from ..text import text_of
from ..values import Value, is_number, opened
from .collections import is_seed, items_of


def picked(item: Value, path: Value) -> Value:
    """The part of an item that a path like `user.name` leads to, by the rules of lookups."""
    from ..environment import environment

    here = environment("seed" if is_seed() else "kestra")
    for part in [path] if isinstance(path, int) else text_of(path).split("."):
        item = here.getitem(item, int(part) if isinstance(part, str) and part.isdigit() else part)
    return item


def _filter_named(name: Value) -> Function:
    if (found := FILTERS.get(text_of(name))) is None:
        raise ExpressionError(f"Filter [{name}] does not exist")
    return found


def _test_named(name: Value) -> Function:
    from ..runtime import COMPARISONS

    name = text_of(name)
    if (found := TESTS.get(name) or COMPARISONS.get(name)) is None:
        raise ExpressionError(f"Test [{name}] does not exist")
    return found


@filter_("map")
def map_(
    value: Value, *args: Value, attribute: Value = None, default: Value = None, **kwargs: Value
) -> list[Value]:
    """One part of each item, or each item through a filter.

    >>> show("{{ users | map('name') }} {{ users | map(attribute='age', default=0) }}", users=[{"name": "Ada"}])
    '["Ada"] [0]'
    >>> show("{{ [1, 2] | map('toString') }}")
    '["1","2"]'
    """
    items, turn = items_of(value, "map"), rendering().turn
    if attribute is None:
        if not args:
            raise ExpressionError("The 'map' filter expects an attribute or the name of a filter")
        name = text_of(args[0])
        is_filter = name in FILTERS and not _all_have(items, name)
        if is_filter:
            found = []
            for item in items:
                turn()
                found.append(_filter_named(name)(item, *args[1:], **kwargs))
            return found
        attribute = args[0]
    return [_part_or(item, attribute, default) for item in items]


def _all_have(items: list[Value], name: str) -> bool:
    """Whether a name that is also a filter's is a key of every item: then the key is meant."""
    return bool(items) and all(isinstance(item, Mapping) and name in item for item in items)


def _part_or(item: Value, attribute: Value, default: Value) -> Value:
    from jinja2.exceptions import UndefinedError

    rendering().turn()
    try:
        found = picked(item, attribute)
    except UndefinedError:
        if default is None:
            raise
        return default
    return default if isinstance(found, Undefined) else found


def _chosen(
    value: Value, name: str, args: tuple[Value, ...], *, attribute: Value, wanted: bool
) -> list[Value]:
    test = _test_named(args[0]) if args else None
    found, turn = [], rendering().turn
    for item in items_of(value, name):
        turn()
        part = item if attribute is None else _part_or(item, attribute, "")
        outcome = test(part, *args[1:]) if test else bool(opened(part))
        if bool(outcome) is wanted:
            found.append(item)
    return found


@filter_("select")
def select(value: Value, *args: Value) -> list[Value]:
    """The items for which a test holds; without a test, those that count as true.

    >>> show("{{ [1, 2, 3, 4] | select('even') }} {{ [0, 1] | select }}")
    '[2,4] [1]'
    """
    return _chosen(value, "select", args, attribute=None, wanted=True)


@filter_("reject")
def reject(value: Value, *args: Value) -> list[Value]:
    """The items for which a test doesn't hold.

    >>> show("{{ [1, 2, 3, 4] | reject('even') }}")
    '[1,3]'
    """
    return _chosen(value, "reject", args, attribute=None, wanted=False)


@filter_("selectattr")
def selectattr(value: Value, attribute: Value, *args: Value) -> list[Value]:
    """The items for whose part a test holds.

    >>> show("{{ [{'n': 1}, {'n': 2}] | selectattr('n', 'gt', 1) }}")
    '[{"n":2}]'
    """
    return _chosen(value, "selectattr", args, attribute=attribute, wanted=True)


@filter_("rejectattr")
def rejectattr(value: Value, attribute: Value, *args: Value) -> list[Value]:
    """The items for whose part a test doesn't hold.

    >>> show("{{ [{'n': 1}, {'n': 2}] | rejectattr('n', 'gt', 1) }}")
    '[{"n":1}]'
    """
    return _chosen(value, "rejectattr", args, attribute=attribute, wanted=False)


@filter_("attr")
def attr(value: Value, name: Value) -> Value:
    """A part of the value, by its name.

    >>> show("{{ {'a': 1} | attr('a') }}")
    '1'
    """
    return picked(value, name)


@filter_("sum")
def sum_(value: Value, attribute: Value = None, start: Value = 0) -> Value:
    """The items added up.

    >>> show("{{ [1, 2] | sum }} {{ [{'n': 1}, {'n': 2.5}] | sum(attribute='n') }}")
    '3 3.5'
    """
    total, turn = start, rendering().turn
    for item in items_of(value, "sum"):
        turn()
        part = item if attribute is None else picked(item, attribute)
        if not is_number(part):
            raise ExpressionError(f"The 'sum' filter adds numbers, not {text_of(part)[:50]!r}")
        total = add(total, part)
    return total


def extreme(items: list[Value], attribute: Value, before: Function) -> Value:
    """The item that comes before all others; null of an empty list."""
    found: Value = None
    turn = rendering().turn
    for at, item in enumerate(items):
        turn()
        if attribute is None:
            is_better = at == 0 or before(item, found)
        else:
            is_better = at == 0 or before(picked(item, attribute), picked(found, attribute))
        if is_better:
            found = item
    return found


@filter_("min")
def min_(value: Value, attribute: Value = None) -> Value:
    """The smallest item.

    >>> show("{{ [3, 1, 2] | min }}")
    '1'
    """
    return extreme(items_of(value, "min"), attribute, less)


@filter_("max")
def max_(value: Value, attribute: Value = None) -> Value:
    """The largest item.

    >>> show("{{ [3, 1, 2] | max }}")
    '3'
    """
    return extreme(items_of(value, "max"), attribute, greater)


@filter_("groupby")
def groupby(value: Value, attribute: Value, default: Value = None) -> list[dict[str, Value]]:
    """The items in groups with the same part, each with `grouper` and `list`.

    >>> show("{% for g in [{'k': 'b'}, {'k': 'a'}, {'k': 'b'}] | groupby('k') %}{{ g.grouper }}{{ g.list | length }}{% endfor %}")
    'a1b2'
    """
    groups: list[dict[str, Value]] = []
    turn = rendering().turn
    for item in items_of(value, "groupby"):
        part = _part_or(item, attribute, default)
        for group in groups:
            turn()
            if equal(group["grouper"], part):
                group["list"].append(item)
                break
        else:
            groups.append({"grouper": part, "list": [item]})
    try:
        return sorted(groups, key=lambda group: group["grouper"])
    except TypeError:
        return groups
