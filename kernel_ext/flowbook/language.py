"""The language by itself: render a template, list the parts there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.kinds.dynamic import Json


def render(
    template: str, context: Mapping[str, Any], *, dialect: str = "kestra", typed: bool = False
) -> Any:
    """What a template gives with these variables; with `typed` the value of a single expression.

    Raises `ExpressionError`.
    """
    from flowbook.expressions import render as language

    scope = language.Scope(context, dialect=dialect)
    return (language.render_typed if typed else language.render)(template, scope)


def plugins(kind: str | None = None) -> list[dict[str, Json]]:
    """The parts there are: `{type, kind, title, aliases}`, by type."""
    import ast
    import inspect
    from importlib.util import find_spec
    from pathlib import Path

    from flowbook.kinds import elsewhere
    from flowbook.kinds.find import index

    table = index()
    found: list[dict[str, Json]] = []
    for of, names in table["types"].items():
        if kind is not None and of != kind:
            continue
        aliases: dict[str, list[str]] = {}
        for alias, name in table["aliases"].get(of, {}).items():
            if not name.endswith(alias):  # short names follow from the type
                aliases.setdefault(name, []).append(alias)
        for name, module in names.items():
            spec = find_spec(module)
            text = Path(spec.origin).read_text() if spec and spec.origin else ""
            last = name.rpartition(".")[2]
            title = next(
                (
                    (ast.get_docstring(node) or "").partition("\n")[0]
                    for node in ast.parse(text).body
                    if isinstance(node, ast.ClassDef) and node.name == last
                ),
                "",
            )
            found.append(
                {"type": name, "kind": of, "title": title, "aliases": sorted(aliases.get(name, []))}
            )
    for of, parts in elsewhere.parts().items():
        for name, part in parts.items():
            if kind in (None, of):
                title = inspect.cleandoc(part.__doc__ or "").partition("\n")[0]
                aliases_ = sorted(part.aliases)
                found.append({"type": name, "kind": of, "title": title, "aliases": aliases_})
    return sorted(found, key=lambda part: str(part["type"]))
