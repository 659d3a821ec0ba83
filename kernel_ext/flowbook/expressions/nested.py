"""Variables whose values are templates themselves: the seed dialect renders them when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .values import Value

RENDERED = frozenset({"vars", "namespace"})
"""The variables whose values are rendered on access."""


class RenderedMap(Mapping[str, Value]):
    """A map that renders the templates in it as they are looked up, by the variables of the render."""

    def __init__(self, inner: Mapping[str, Value], variables: Mapping[str, Value]) -> None:
        self._inner, self._variables = inner, variables

    def __getitem__(self, key: str) -> Value:
        return self._rendered(self._inner[key])

    def __contains__(self, key: object) -> bool:
        return key in self._inner

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)

    def __len__(self) -> int:
        return len(self._inner)

    def whole(self) -> dict[str, Value]:
        """All of it rendered, as a map that may leave the render."""
        return {key: _whole(self[key]) for key in self._inner}

    def _rendered(self, value: Value) -> Value:
        if isinstance(value, str):
            from .program import value_within

            return value_within(value, self._variables)
        if isinstance(value, Mapping):
            return RenderedMap(value, self._variables)
        if isinstance(value, list | tuple):
            return [self._rendered(item) for item in value]
        return value


def _whole(value: Value) -> Value:
    if isinstance(value, RenderedMap):
        return value.whole()
    return [_whole(item) for item in value] if isinstance(value, list) else value
