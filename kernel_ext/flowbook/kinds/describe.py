"""What a part says of itself on its page: its doc, its properties with theirs, and its examples."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from . import elsewhere
from .docs import attribute_docs
from .dynamic import Json, Rendered
from .find import canonical, find, index, names
from .part import Example, Part, examples
from .trigger import TimedTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of a part."""

    name: str
    type: str
    """In words: `text`, `list of text`, `one of INFO, WARN`."""
    required: bool
    default: Json
    dynamic: bool
    """Whether expressions in it are rendered."""
    doc: str
    own: bool
    """Declared by the part itself, not by its kind."""

    def to_json(self) -> dict[str, Json]:
        """The property for programs."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A part as its page shows it."""

    type: str
    kind: str
    doc: str
    aliases: tuple[str, ...]
    properties: tuple[Property, ...]
    examples: tuple[Example, ...]

    @property
    def title(self) -> str:
        """The first line of the doc."""
        return self.doc.partition("\n")[0]

    def to_json(self) -> dict[str, Json]:
        """The description for programs."""
        return {
            "type": self.type,
            "kind": self.kind,
            "doc": self.doc,
            "aliases": list(self.aliases),
            "properties": [each.to_json() for each in self.properties],
            "examples": [{"title": one.title, "flow": one.flow.strip()} for one in self.examples],
        }


def unknown(name: str) -> str:
    """What to say about a type that nobody has."""
    from difflib import get_close_matches

    known = {full.rpartition(".")[2].lower(): full for _, full in types_of()}
    near = get_close_matches(name.rpartition(".")[2].lower(), known, 3)
    said = f" Did you mean {', '.join(known[n] for n in near)}?" if near else ""
    return f"No type is called {name!r}.{said} All of them: flowbook plugins list"


def types_of(kind: str | None = None) -> Iterator[tuple[str, str]]:
    """Kind and canonical type of every part there is, in order."""
    for each in kinds():
        if kind in (None, each):
            yield from ((each, name) for name in names(each))


def kinds() -> list[str]:
    """The kinds that there are parts of."""
    return sorted({*index()["types"], *elsewhere.parts()})


def describe(name: str, kind: str | None = None) -> Description | None:
    """The description of a type, by its name, any alias or the end of one; `None` if nobody has it."""
    for search in (canonical, _by_end):
        for each in kinds():
            if kind in (None, each) and (known := search(each, name)) is not None:
                part = find(each, known)
                return None if part is None else described(part, known, each)
    return None


def _by_end(kind: str, name: str) -> str | None:
    """The type that an older name leads to, said by that name's end alone: `WaitFor`."""
    for alias, known in index()["aliases"].get(kind, {}).items():
        if known and alias.rpartition(".")[2].lower() == name.lower():
            return str(known)
    return None


def described(part: type[Part], name: str, kind: str) -> Description:
    """The description of a part's class."""
    docs = attribute_docs(part)
    own = set(vars(part).get("__annotations__", {}))
    properties = [
        Property(
            name=written(key, field),
            type=said(field.annotation),
            required=field.is_required(),
            default=_default(field),
            dynamic=any(isinstance(each, Rendered) for each in field.metadata),
            doc=docs.get(key, ""),
            own=key in own or _between(part, key),
        )
        for key, field in part.model_fields.items()
        if key not in ("id", "type")
    ]
    properties.sort(key=lambda each: (not each.own, not each.required))
    return Description(
        type=name,
        kind=kind,
        doc=inspect.cleandoc(part.__doc__ or ""),
        aliases=part.aliases,
        properties=tuple(properties),
        examples=examples(part),
    )


def written(name: str, field: FieldInfo) -> str:
    """The property's name in YAML."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return str(alias or field.alias or name)


def said(annotation: Any) -> str:
    """A type in words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any or annotation is None:
        return "anything"
    if origin is Annotated:
        return said(args[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(said(arg) for arg in args if arg is not type(None)))
    if origin is Literal:
        return "one of " + ", ".join(str(arg) for arg in args)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(str(each.value) for each in annotation)
    if origin in (list, tuple, set, frozenset, Sequence):
        inner = [arg for arg in args if arg is not Ellipsis]
        return f"list of {said(inner[0])}" if inner else "list"
    if origin in (dict, Mapping) or annotation in (dict, Mapping):
        return "map"
    if isinstance(annotation, typing.TypeVar):
        return "anything"
    return _NAMES.get(getattr(annotation, "__name__", ""), _plain(annotation))


_NAMES = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
    "timedelta": "duration",
    "datetime": "date and time",
    "Task": "task",
    "NoneType": "nothing",
}


def _plain(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", annotation)).lower()


def _default(field: FieldInfo) -> Json:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, tuple | list):
        return [each for each in value if isinstance(each, bool | int | float | str)]
    return str(value)


def _between(part: type[Part], key: str) -> bool:
    """Whether a class between the part and its kind declares the property (a family of parts)."""
    return any(
        key in vars(base).get("__annotations__", {})
        and (base.__module__.startswith("flowbook.plugin") or base is TimedTrigger)
        for base in part.__mro__
    )
