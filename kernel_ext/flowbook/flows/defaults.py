"""Plugin defaults: values for every part of a type, merged into the document before it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..kinds.dynamic import Json
from ..kinds.find import canonical, find
from ..problems import Problem
from .messages import did_you_mean
from .reading import Reading

KINDS = ("task", "trigger", "condition", "runner", "input")
BLOCKS = ("pluginDefaults", "taskDefaults")
Default = Mapping[str, Json]


def own_defaults(tree: Mapping[str, Json]) -> list[Default]:
    """The document's own entries, under either name of the block."""
    blocks = [tree.get(key) for key in BLOCKS]
    return [
        entry
        for block in blocks
        if isinstance(block, list)
        for entry in block
        if isinstance(entry, Mapping)
    ]


def apply(tree: dict[str, Json], levels: Sequence[Sequence[Default]]) -> dict[str, Json]:
    """The document with all defaults merged in; `levels` from the flow's own to the global ones."""
    merger = _Merger(levels)
    if not merger.soft and not merger.forced:
        return tree
    return {key: value if key in BLOCKS else merger.walk(value) for key, value in tree.items()}


def merge(under: Json, over: Json) -> Json:
    """Two values as one: `over` wins, maps are merged deep, lists joined with `under` first."""
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        both = dict(under)
        for key, value in over.items():
            both[key] = merge(both[key], value) if key in both else value
        return both
    if isinstance(under, list) and isinstance(over, list):
        return [*under, *over]
    return over


class _Merger:
    def __init__(self, levels: Sequence[Sequence[Default]]) -> None:
        usable = [
            entry
            for level in levels
            for entry in level
            if isinstance(entry.get("type"), str) and isinstance(entry.get("values"), Mapping)
        ]
        self.soft = [entry for entry in usable if entry.get("forced") is not True]
        self.forced = [entry for entry in usable if entry.get("forced") is True]

    def walk(self, value: Json) -> Json:
        if isinstance(value, dict):
            inside = {key: self.walk(item) for key, item in value.items()}
            return self.merged(inside) if isinstance(inside.get("type"), str) else inside
        if isinstance(value, list):
            return [self.walk(item) for item in value]
        return value

    def merged(self, node: dict[str, Json]) -> dict[str, Json]:
        ref = node.get("pluginDefaultsRef")
        name = str(node["type"])
        for entry in self.soft:
            if entry.get("ref") == ref and (values := _values(entry, name)):
                node = merge(values, node)
        for entry in self.forced:  # the broader level wins, so it comes last
            if entry.get("ref") == ref and (values := _values(entry, name)):
                node = merge(node, values)
        return node


def _values(entry: Default, name: str) -> dict[str, Json]:
    """The entry's values for a part of this type, as far as the part has such properties."""
    pattern = str(entry["type"])
    values = {key: value for key, value in entry["values"].items() if value is not None}
    prefix = pattern if pattern.endswith(".") else pattern + "."
    for kind in KINDS:
        own = canonical(kind, name) or name
        exact = pattern == name or (canonical(kind, pattern) or pattern) == own
        if not exact and not own.startswith(prefix) and not name.startswith(prefix):
            continue
        model = find(kind, name)
        if model is None:
            continue
        if model.model_config.get("extra") == "allow":
            return values
        known = properties_of(model)
        return {key: value for key, value in values.items() if key in known}
    return values if pattern == name else {}


def properties_of(model: type[BaseModel]) -> set[str]:
    """Every spelling of a model's properties."""
    names: set[str] = set()
    for name, info in model.model_fields.items():
        names.update({name, str(info.alias or name)})
        choices: Any = info.validation_alias
        names.update(str(choice) for choice in getattr(choices, "choices", ()))
    return names


def check_defaults(reading: Reading) -> Iterator[Problem]:
    """Entries of `pluginDefaults` that can't be applied."""
    for block in BLOCKS:
        written = reading.tree.get(block)
        if isinstance(written, Mapping) and block == "taskDefaults":
            yield reading.warning("taskDefaults: a map is ignored, a list is expected", (block,))
        for index, entry in enumerate(written if isinstance(written, list) else ()):
            path = (block, index)
            if not isinstance(entry, Mapping):
                yield reading.error(f"{block}[{index}]: must be a map", path)
                continue
            if not isinstance(entry.get("type"), str):
                yield reading.error("Invalid Plugin Default: No 'type' provided", path)
            values = entry.get("values")
            if not isinstance(values, Mapping) or not values:
                yield reading.error("Invalid Plugin Default: No 'values' provided", path)
                continue
            yield from _entry(reading, entry, values, path)


def _entry(
    reading: Reading, entry: Default, values: Mapping[str, Json], path: tuple[str | int, ...]
) -> Iterator[Problem]:
    name = str(entry.get("type"))
    if entry.get("forced") is True:
        said = "`forced` on a flow's defaults is not supported by Kestra 2.0, flowbook honours it"
        yield reading.info(said, (*path, "forced"))
    models = [model for kind in KINDS if (model := find(kind, name)) is not None]
    for key, value in values.items():
        if value is None:
            yield reading.error(
                f"Invalid Plugin Default: No value provided for key '{key}'", (*path, "values", key)
            )
        strict = [model for model in models if model.model_config.get("extra") != "allow"]
        if strict and len(strict) == len(models):
            known = {spelling for model in strict for spelling in properties_of(model)}
            if key not in known:
                yield Problem.error(
                    f"No property '{key}' exists in plugin '{name}'",
                    reading.span((*path, "values", key), "key"),
                    did_you_mean(key, known),
                    f"{path[0]}[{path[1]}].values.{key}",
                )
