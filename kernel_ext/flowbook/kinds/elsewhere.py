"""Parts that other packages bring (`expressions/elsewhere.py` says how they are found).

With the entry point `acme = acme_flowbook` the class `Greet` in `acme_flowbook/crm/greet.py` is the type
`acme.crm.Greet`, whatever its kind.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

from flowbook.expressions.elsewhere import imported, packages

from .part import Part


@cache
def parts() -> Mapping[str, Mapping[str, type[Part]]]:
    """Kind → type → class, of all packages."""
    found: dict[str, dict[str, type[Part]]] = {}
    for prefix, package in packages().items():
        for path, module in _modules(package):
            *folder, stem = path
            for part in _own(module, stem):
                name = ".".join([prefix, *folder, part.__name__])
                found.setdefault(part.kind, {})[name] = part
    return found


@cache
def spellings(kind: str) -> Mapping[str, str]:
    """Other names of types, and short ones that only one type ends with → type."""
    found: dict[str, str] = {}
    short: dict[str, list[str]] = {}
    for name, part in parts().get(kind, {}).items():
        found |= dict.fromkeys(part.aliases, name)
        words = name.split(".")
        for length in range(1, len(words)):
            short.setdefault(".".join(words[-length:]), []).append(name)
    return {word: names[0] for word, names in short.items() if len(names) == 1} | found


def canonical(kind: str, name: str) -> str | None:
    """The type of that name, or of another spelling of it, in any case of letters."""
    if not packages():
        return None
    known, others = parts().get(kind, {}), spellings(kind)
    if name in known:
        return name
    lower = name.lower()
    return next(
        (
            full
            for word, full in [*((n, n) for n in known), *others.items()]
            if word.lower() == lower
        ),
        None,
    )


def _modules(package: str) -> Iterator[tuple[list[str], ModuleType]]:
    root = imported(package)
    if root is None:
        return
    for info in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{package}."):
        if not info.ispkg and (module := imported(info.name)) is not None:
            yield info.name.removeprefix(f"{package}.").split("."), module


def _own(module: ModuleType, stem: str) -> Iterator[type[Part]]:
    """The part that a module's file is named after."""
    from .find import snake

    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Part) and value.kind:
            if value.__module__ == module.__name__ and snake(value.__name__) == stem:
                yield value
