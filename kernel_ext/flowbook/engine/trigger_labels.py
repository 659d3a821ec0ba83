"""The labels that a trigger gives to the executions it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, render_typed, text_of
from flowbook.kinds.dynamic import Json

Labels: TypeAlias = list[tuple[str, str]]


def rendered_labels(labels: Json, scope: Scope) -> tuple[Labels, list[str]]:
    """A trigger's labels, rendered, and a warning for each that is left out.

    One that gives null is an empty text; one that can't be rendered, or that only flowbook sets, is left out.
    """
    found: Labels = []
    warnings: list[str] = []
    for key, value in written(labels):
        if key.startswith("system."):
            warnings.append(f"Label '{key}' is left out: only flowbook sets system labels")
            continue
        try:
            given = render_typed(value, scope) if isinstance(value, str) else value
            found.append((key, "" if given is None else text_of(given, scope.dialect)))
        except ExpressionError as error:
            warnings.append(f"Label '{key}' is left out: {error}")
    return found, warnings


def written(labels: Json) -> Iterator[tuple[str, Json]]:
    """Labels as key and value, written as a map or as a list of `{key, value}`."""
    if isinstance(labels, Mapping):
        yield from ((str(key), value) for key, value in labels.items())
        return
    for item in labels if isinstance(labels, list | tuple) else ():
        if isinstance(item, Mapping) and "key" in item:
            yield str(item["key"]), item.get("value")
