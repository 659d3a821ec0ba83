"""What is missing: an error in the kestra dialect, an empty value of any depth in the seed dialect."""

from __future__ import annotations

from typing import Any

from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined
from jinja2.utils import missing

from .bounds import rendering

CHAINED = "chained"
"""Says of an undefined value that it was looked up in another."""


class StrictUndefined(Undefined):
    """Never exists: looking up what is missing is the error."""

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        raise lost(name, obj) if name is not None else UndefinedError(hint)


class SeedUndefined(Undefined):
    """Empty, false and of any depth: the seed dialect's reading of what is missing."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        scope = rendering().scope
        if hint != CHAINED and scope is not None and (note := scope.services.get("undefined")):
            note(str(name))

    def __str__(self) -> str:
        return ""

    def __html__(self) -> str:
        return ""

    @property
    def path(self) -> str:
        return str(self._undefined_name or "")


class NameLost(UndefinedError):
    """A name or key that isn't there."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def lost(name: object, obj: object = missing) -> NameLost:
    on_null = " on null value" if obj is None else ""
    return NameLost(str(name), f"Unable to find `{name}`{on_null}")
