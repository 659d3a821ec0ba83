"""Makes `index.json`: every part's type, aliases and short names, read from the files as text.

Run `python -m flowbook.kinds.index` after adding a part; nothing is imported, so it is quick and
needs no extra installed.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parent.parent / "plugin"
KINDS = {
    "Task": "task",
    "RunnableTask": "task",
    "FlowableTask": "task",
    "ExecutableTask": "task",
    "UpdatingTask": "task",
    "Trigger": "trigger",
    "TimedTrigger": "trigger",
    "ConditionPart": "condition",
    "Runner": "runner",
    "Input": "input",
}


def scan() -> dict[str, Any]:
    """The whole index, from the files under `plugin/` and the list of known types."""
    types: dict[str, dict[str, str]] = {}
    aliases: dict[str, dict[str, str]] = {}
    classes = _classes()
    for module, (node, own) in sorted(classes.items()):
        kind = _kind(node, classes)
        if kind is None:
            continue
        name = _type_name(module, node.name)
        types.setdefault(kind, {})[name] = module
        for alias in own:
            aliases.setdefault(kind, {})[alias] = name
    for kind, names in types.items():
        for short, name in _short_names(names).items():
            aliases.setdefault(kind, {}).setdefault(short, name)
    known_file = Path(__file__).with_name("known.json")
    known = json.loads(known_file.read_text()) if known_file.exists() else {}
    return {
        "types": types,
        "aliases": {k: dict(sorted(v.items())) for k, v in aliases.items()},
        "known": {kind: _left(names, kind, types, aliases) for kind, names in known.items()},
    }


def _left(
    names: dict[str, str],
    kind: str,
    types: dict[str, dict[str, str]],
    aliases: dict[str, dict[str, str]],
) -> dict[str, str]:
    """The known types that no file offers, under none of their names."""
    built = {*types.get(kind, {}), *aliases.get(kind, {})}
    return {name: extra for name, extra in sorted(names.items()) if name not in built}


def _classes() -> dict[str, tuple[ast.ClassDef, tuple[str, ...]]]:
    found = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        if path.name == "__init__.py":
            continue
        relative = path.relative_to(PLUGIN).with_suffix("")
        module = ".".join(["flowbook", "plugin", *relative.parts])
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and _snake(node.name) == path.stem:
                found[module] = (node, _aliases(node))
    return found


def _kind(
    node: ast.ClassDef, classes: dict[str, tuple[ast.ClassDef, tuple[str, ...]]]
) -> str | None:
    by_name = {entry[0].name: entry[0] for entry in classes.values()}
    seen = set()
    queue = [
        base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases
    ]
    while queue:
        base = queue.pop()
        if base in KINDS:
            return KINDS[base]
        if base in by_name and base not in seen:
            seen.add(base)
            queue += [b.id for b in by_name[base].bases if isinstance(b, ast.Name)]
        elif base.endswith("Task"):
            return "task"
    return None


def _aliases(node: ast.ClassDef) -> tuple[str, ...]:
    for statement in node.body:
        if (
            isinstance(statement, ast.AnnAssign)
            and getattr(statement.target, "id", "") == "aliases"
        ):
            if statement.value is not None:
                return tuple(ast.literal_eval(statement.value))
    return ()


def _type_name(module: str, name: str) -> str:
    path = module.removeprefix("flowbook.plugin.").rpartition(".")[0]
    own = path.split(".")[0] in {"jupyter", "runner"}
    return f"{'flowbook' if own else 'io.kestra.plugin'}.{path}.{name}"


def _short_names(names: dict[str, str]) -> dict[str, str]:
    """`Log`, `log.Log`, `core.log.Log`, as long as one type only ends so."""
    ends: Counter[str] = Counter()
    of: dict[str, str] = {}
    for name in names:
        parts = name.split(".")
        for length in range(1, len(parts)):
            short = ".".join(parts[-length:])
            ends[short] += 1
            of[short] = name
    return {short: name for short, name in of.items() if ends[short] == 1}


def _snake(name: str) -> str:
    from .find import snake

    return snake(name)


def main() -> None:
    """Write the index anew."""
    text = json.dumps(scan(), indent=1, sort_keys=True) + "\n"
    Path(__file__).with_name("index.json").write_text(text)


if __name__ == "__main__":
    main()
