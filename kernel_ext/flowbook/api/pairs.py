"""The key-value pairs of a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowbook.kinds.dynamic import Json

if TYPE_CHECKING:
    from .workspace import Workspace


class Pairs:
    """The key-value pairs of a namespace: `kv["key"]`, `kv["key"] = 5`, `del kv["key"]`."""

    def __init__(self, workspace: Workspace, namespace: str) -> None:
        self._call = workspace.portal.call
        self._pairs = workspace.engine.pairs(namespace)
        self.namespace = namespace

    def __getitem__(self, key: str) -> Json:
        found = self._call(self._pairs.get(key))
        if found is None:
            raise KeyError(f"No value found for key '{key}' in namespace '{self.namespace}'")
        return found["value"]

    def get(self, key: str, default: Json = None) -> Json:
        found = self._call(self._pairs.get(key))
        return default if found is None else found["value"]

    def set(
        self, key: str, value: Json, *, ttl: float | None = None, overwrite: bool = True
    ) -> None:
        """Keep a value; `ttl` in seconds."""
        self._call(self._pairs.set(key, value, seconds=ttl, overwrite=overwrite))

    def __setitem__(self, key: str, value: Json) -> None:
        self.set(key, value)

    def __delitem__(self, key: str) -> None:
        if not self._call(self._pairs.delete(key)):
            raise KeyError(key)

    def keys(self, prefix: str = "") -> list[str]:
        return self._call(self._pairs.keys(prefix))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._call(self._pairs.get(key)) is not None
