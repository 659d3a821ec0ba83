"""Other packages that bring parts, filters and functions, by entry points of the group `flowbook.parts`.

The name of an entry point is a prefix of types, its value a package. Filters and functions of templates stand
in `<package>/filters.py` and `<package>/functions.py`, entered as ours are (`registry.filter_`). A package that
can't be imported is left out, with a warning that says why.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from functools import cache
from types import ModuleType

GROUP = "flowbook.parts"


@cache
def packages() -> Mapping[str, str]:
    """Prefix of types → package."""
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=GROUP)}


def load_words() -> None:
    """Import the filters and functions of all packages."""
    for package in packages().values():
        for module in ("filters", "functions"):
            imported(f"{package}.{module}", optional=True)


def imported(name: str, *, optional: bool = False) -> ModuleType | None:
    """A module of another package; `None` if it can't be imported."""
    try:
        return importlib.import_module(name)
    except Exception as error:  # somebody else's code: it must not take everything with it
        missing = isinstance(error, ModuleNotFoundError) and error.name == name
        if not (optional and missing):
            said = f"{type(error).__name__}: {error}"
            warnings.warn(f"{name} is left out: {said} (entry point of {GROUP})", stacklevel=2)
        return None
