"""The answers to what a part asked: rendered values, read as the property's type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import TaskFailed
from .dynamic import Json


class Answers(Mapping[str, Json]):
    """Name → rendered value; the readers below raise `TaskFailed` with a message for the author."""

    __slots__ = ("_values", "dialect")

    def __init__(self, values: Mapping[str, Json], *, dialect: str = "kestra") -> None:
        self._values = values
        self.dialect = dialect
        """The flow's dialect, where the two differ in what follows."""

    def __getitem__(self, name: str) -> Json:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def truth(self, name: str) -> bool:
        """A condition's answer: rendered text is false when it is `false`, `0`, `-0` or empty."""
        value = self._values[name]
        if isinstance(value, str):
            return value.strip() not in {"", "false", "0", "-0"}
        return bool(value)

    def text(self, name: str) -> str:
        """A text; other values as their JSON."""
        value = self._values[name]
        return value if isinstance(value, str) else json_text(value)

    def number(self, name: str) -> int:
        """A whole number."""
        value = self._values[name]
        try:
            return int(float(value)) if not isinstance(value, int) else int(value)
        except (TypeError, ValueError):
            raise TaskFailed(f"'{name}' must be a number, but is '{value}'") from None

    def values(self, name: str | None = None) -> Any:
        """Without a name all answers; with one the list that answer holds, JSON text included."""
        if name is None:
            return self._values.values()
        return as_list(self._values[name], name)


def as_list(value: Json, name: str) -> list[Json]:
    """A list from a list, a map (its entries) or the JSON text of either."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise TaskFailed(f"'{name}' must be a JSON list, but is '{value[:200]}'") from None
    if isinstance(value, Mapping):
        return [{"key": key, "value": item} for key, item in value.items()]
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        raise TaskFailed(f"'{name}' must be a list, but is '{value}'")
    return list(value)


def json_text(value: Json) -> str:
    """Compact JSON, as a value of an iteration or an output is shown."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
