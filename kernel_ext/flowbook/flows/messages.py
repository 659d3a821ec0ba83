"""What a model found wrong, as problems in the words of the language's reference."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ..kinds.dynamic import Json
from ..kinds.find import canonical, find
from ..kinds.part import Part, Written
from ..kinds.task import Task
from ..kinds.trigger import Trigger
from ..problems import Problem
from .source import Path, Source, write_path

WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "dict_type": "a map",
    "mapping_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "time_delta_type": "a duration like PT30S",
}


def explain(
    error: ValidationError, tree: Json, source: Source, root: type[Written]
) -> list[Problem]:
    """Every fault in the words a person can use, at its place in the text."""
    grouped: dict[tuple[Path, str], list[Mapping[str, Any]]] = {}
    for fault in error.errors(include_url=False):
        path = _path(fault, tree)
        family = "type" if fault["type"] in WANTED else str(fault["type"])
        grouped.setdefault((path, family), []).append(fault)
    return [
        _problem(path, faults, tree, source, root)
        for (path, _), faults in grouped.items()
        if not _is_echo(path, faults[0], grouped)
    ]


def unknown_fields(error: ValidationError, tree: Json) -> list[Path]:
    """The places of the properties that nobody knows."""
    faults = error.errors(include_url=False)
    return [_path(fault, tree) for fault in faults if fault["type"] == "extra_forbidden"]


def did_you_mean(word: str, known: Iterable[str | None]) -> str | None:
    """The hint that names the nearest known word, if one is near."""
    if (near := nearest(word, known, cutoff=0.6)) is None:
        return None
    return f"Did you mean '{near}'?"


def nearest(word: str, known: Iterable[str | None], cutoff: float = 0.7) -> str | None:
    """The known word that is most like this one; `None` if none is."""
    by_folded = {name.lower(): name for name in known if name}
    found = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=cutoff)
    return by_folded[found[0]] if found else None


def near_type(kind: str, name: str) -> str | None:
    """The hint for a type that nobody knows."""
    from ..kinds.find import index

    table = index()
    known = [*table["types"].get(kind, {}), *table["known"].get(kind, {})]
    if kind == "input":
        near = nearest(name, [each.rpartition(".")[2].upper() for each in known], cutoff=0.6)
        return f"Did you mean '{near}'?" if near else None
    short = {each.removeprefix(PREFIX): each for each in known}
    wanted = name.removeprefix(PREFIX)
    if (near := nearest(wanted, short)) is not None:
        return f"Did you mean '{short[near]}'?"
    ends = {each.rpartition(".")[2]: each for each in known}
    near = nearest(wanted.rpartition(".")[2], ends)
    return f"Did you mean '{ends[near]}'?" if near else None


PREFIX = "io.kestra.plugin."


def unrecognized(name: str, owner: type[Written] | None) -> tuple[str, str | None]:
    """The message for an unknown property, and its hint."""
    if owner is None:
        return f'Unrecognized field "{name}"', None
    own, common = properties(owner)
    known = ", ".join(f'"{prop}"' for prop in own)
    if common:
        known += f"{', ' if known else ''}and those of every {owner.kind if issubclass(owner, Part) else ''}"
    title = _title(owner)
    return (
        f'Unrecognized field "{name}" (class {title}), not marked as ignorable'
        f" (known properties: {known})",
        did_you_mean(name, [*own, *common]),
    )


def properties(owner: type[Written]) -> tuple[list[str], list[str]]:
    """A model's properties as flows write them: its own, and the ones all of its kind have."""
    base: type[BaseModel] | None = next(
        (kind for kind in (Task, Trigger) if issubclass(owner, kind)), None
    )
    common = set(base.model_fields) if base else set()
    names = {name: str(info.alias or name) for name, info in owner.model_fields.items()}
    own = [written for name, written in names.items() if name not in common]
    return own, [written for name, written in names.items() if name in common]


def model_at(path: Sequence[str | int], tree: Json, root: type[Written]) -> type[Written] | None:
    """The model that reads the map at this place, if one does."""
    model: type[Written] | None = root
    annotation: Any = root
    node = tree
    for step in path:
        node = _child(node, step)
        if isinstance(step, int):
            annotation = _item(annotation)
        elif model is not None:
            field = next(
                (info for name, info in model.model_fields.items() if step in (info.alias, name)),
                None,
            )
            annotation = field.annotation if field else None
        else:
            annotation = _item(annotation)
        model = _model(annotation, node)
    return model


def _title(owner: type[Written]) -> str:
    if issubclass(owner, Part) and owner.__module__.startswith("flowbook.plugin."):
        from ..kinds.part import type_name

        return type_name(owner)
    return owner.__name__


def _child(node: Json, step: str | int) -> Json:
    if isinstance(node, Mapping):
        return node.get(step)
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return node[step]
    return None


def _item(annotation: Any) -> Any:
    """What stands inside a list or map of this type."""
    for part in _parts(annotation):
        args = [arg for arg in typing.get_args(part) if arg is not Ellipsis]
        if args and typing.get_origin(part) is not None:
            return args[-1]
    return None


def _model(annotation: Any, node: Json) -> type[Written] | None:
    for part in _parts(annotation):
        if not isinstance(part, type) or not issubclass(part, Written):
            continue
        if issubclass(part, Part) and isinstance(node, Mapping):
            written = node.get("type", "STRING" if part.kind == "input" else None)
            found = find(part.kind, str(written)) if written is not None else None
            return found or part
        return part
    return None


def _parts(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _parts(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [part for arg in typing.get_args(annotation) for part in _parts(arg)]
    return [annotation]


def _path(fault: Mapping[str, Any], tree: Json) -> Path:
    """The fault's place in the values: pydantic's steps through unions are left out."""
    path: list[str | int] = []
    node = tree
    steps = fault["loc"]
    for number, step in enumerate(steps):
        if (isinstance(node, Mapping) and step in node) or (
            isinstance(node, list) and isinstance(step, int) and step < len(node)
        ):
            node = node[step]
        elif fault["type"] == "missing" and number == len(steps) - 1:
            pass
        else:
            continue
        path.append(step)
    return tuple(path)


def _is_echo(path: Path, fault: Mapping[str, Any], grouped: Mapping[tuple[Path, str], Any]) -> bool:
    """Whether a fault only says that another arm of a union didn't fit either."""
    return fault["type"] in WANTED and any(
        len(other) > len(path) and other[: len(path)] == path for other, _ in grouped
    )


def _problem(
    path: Path,
    faults: Sequence[Mapping[str, Any]],
    tree: Json,
    source: Source,
    root: type[Written],
) -> Problem:
    fault = faults[0]
    where = write_path(path)
    context = fault.get("ctx", {})
    given = fault.get("input")
    hint: str | None = None
    part: typing.Literal["key", "value"] = "value"
    match fault["type"]:
        case "missing":
            message = f"{where}: must not be null"
            hint = _missing_hint(path, tree, root)
        case "extra_forbidden":
            owner = model_at(path[:-1], tree, root)
            message, hint = unrecognized(str(path[-1]), owner)
            part = "key"
        case "invalid_type":
            message = str(fault["msg"])
            path = (*path, "type")
            kind = (
                "trigger" if path[0] == "triggers" else "input" if path[0] == "inputs" else "task"
            )
            hint = near_type(kind, str(context.get("type", "")))
        case "string_pattern_mismatch":
            message = f'{where}: must match "{str(context["pattern"]).removesuffix("$")}"'
        case "string_too_short":
            message = f"{where}: must not be blank"
        case "string_too_long":
            message = f"{where}: size must be between 1 and {context['max_length']}"
        case "too_short":
            message = f"{where}: must not be empty"
        case "greater_than_equal":
            message = f"{where}: must be greater than or equal to {context['ge']}"
        case "less_than_equal":
            message = f"{where}: must be less than or equal to {context['le']}"
        case "enum" | "literal_error":
            expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
            message = f"Invalid value '{given}' for {where}, expected one of {expected}"
            hint = did_you_mean(str(given), expected.split(", "))
        case "value_error":
            message = str(context.get("error") or fault["msg"])
        case kind if kind in WANTED:
            wanted = list(dict.fromkeys(WANTED[str(each["type"])] for each in faults))
            message = f"{where}: must be {' or '.join(wanted)}, but is {_named(given)}"
        case _:
            text = str(fault["msg"])
            message = f"{where}: {text[:1].lower()}{text[1:]}"
    return Problem.error(message, source.span(path, part), hint, write_path(path))


def _missing_hint(path: Path, tree: Json, root: type[Written]) -> str | None:
    """A property that looks like a misspelling of the missing one."""
    node = tree
    for step in path[:-1]:
        node = _child(node, step)
    if not isinstance(node, Mapping) or not path:
        return None
    owner = model_at(path[:-1], tree, root)
    known = {prop for group in properties(owner) for prop in group} if owner else set()
    near = nearest(str(path[-1]), [key for key in node if key not in known])
    return f"Is '{near}' meant to be '{path[-1]}'?" if near else None


def _named(value: Json) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case str():
            return f"the text '{value[:60]}'"
        case int() | float():
            return str(value)
        case Mapping():
            return "a map"
        case list() | tuple():
            return "a list"
    return type(value).__name__


def known_type(kind: str, name: str) -> bool:
    """Whether a type is installed, or known and not installed."""
    return canonical(kind, name) is not None or find(kind, name) is not None
