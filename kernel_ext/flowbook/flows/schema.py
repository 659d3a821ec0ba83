"""The language as a JSON Schema, made from the parts: for editors' completion, hovers and marks."""

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from ..kinds.docs import attribute_docs, summary
from ..kinds.dynamic import Rendered
from ..kinds.find import find, index, names, spellings
from ..kinds.input import Input
from ..kinds.part import Part, Written
from ..kinds.task import Hole, Task
from ..kinds.trigger import Trigger
from .model import Flow

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
TEXT: Schema = {"type": ["string", "number", "boolean"]}
TEMPLATE: Schema = {"type": "string", "pattern": r"\{[{%]"}
KINDS: tuple[tuple[type[Part], str], ...] = ((Task, "task"), (Trigger, "trigger"), (Input, "input"))
PLAIN: Mapping[type, Schema] = {
    str: TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    timedelta: {"type": ["string", "number"], "examples": ["PT30S", "PT5M", "P1D"]},
    datetime: {"type": "string"},
    date: {"type": "string"},
    time: {"type": "string"},
    type(None): {"type": "null"},
}


def schema() -> Schema:
    """The whole language: the flow, and a definition for each part that is installed."""
    return _Writer().whole()


def part_schema(part: type[Written]) -> Schema:
    """The schema of one part, with the definitions it refers to."""
    writer = _Writer()
    made = writer.model(part)
    return {"$schema": DRAFT, **made, "definitions": writer.closed()}


class _Writer:
    """Writes models as schemas and keeps what they refer to."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def whole(self) -> Schema:
        flow = self.model(Flow)
        flow["required"] = ["id"]  # a namespace may come from outside; without tasks it is a draft
        return {"$schema": DRAFT, "title": "Flow", **flow, "definitions": self.closed()}

    def closed(self) -> dict[str, Schema]:
        """All definitions, those that definitions refer to included."""
        for base, kind in KINDS:
            self.kind(base, kind)
        return dict(sorted(self.definitions.items()))

    def kind(self, base: type[Part], kind: str) -> None:
        """A part of a kind: its type chooses the definition of the rest."""
        old: dict[str, list[str]] = {}
        for alias, name in spellings(kind).items():
            old.setdefault(name, []).append(alias)
        choices = []
        for name in names(kind):
            part = self.installed(kind, name)
            if part is None:
                continue
            self.reference(name, part)
            spelled = [name, *old.get(name, ())]
            if kind == "input":
                spelled = sorted({each.rpartition(".")[2].upper() for each in spelled})
            choices.append(
                {
                    "if": {"required": ["type"], "properties": {"type": {"enum": spelled}}},
                    "then": {"$ref": f"#/definitions/{name}"},
                }
            )
        offered = sorted({*names(kind), *index()["known"].get(kind, {})})
        if kind == "input":
            offered = sorted({each.rpartition(".")[2].upper() for each in offered} | {"BOOLEAN"})
        self.definitions[kind] = {
            "type": "object",
            "description": summary(base),
            "required": ["id"] if kind != "input" else [],
            "properties": {"type": {"anyOf": [{"enum": offered}, {"type": "string"}]}},
            "allOf": choices,
        }

    def installed(self, kind: str, name: str) -> type[Part] | None:
        try:
            return find(kind, name)
        except ImportError:  # its extra isn't installed: the name is offered, nothing more
            return None

    def reference(self, name: str, model: type[Written]) -> Schema:
        if name not in self.definitions:
            self.definitions[
                name
            ] = {}  # keeps a model that holds itself from being written for ever
            self.definitions[name] = self.model(model)
        return {"$ref": f"#/definitions/{name}"}

    def model(self, model: type[Written]) -> Schema:
        docs = attribute_docs(model)
        properties: dict[str, Schema] = {}
        required = []
        for name, info in model.model_fields.items():
            written = self.field(info)
            if doc := docs.get(name):
                written = {**written, "description": doc}
            spellings = _spellings(name, info)
            for spelling in spellings:
                properties[spelling] = written
            if info.is_required() and len(spellings) == 1 and name != "type":
                required.append(spellings[0])
        made: Schema = {"type": "object", "properties": properties}
        if doc := summary(model):
            made["description"] = doc
        if issubclass(model, Input):
            required.remove("id")
            made["anyOf"] = [{"required": ["id"]}, {"required": ["name"]}]
        if required:
            made["required"] = required
        if model.model_config.get("extra") == "forbid":
            made["additionalProperties"] = False
        return made

    def field(self, info: FieldInfo) -> Schema:
        made = self.annotation(info.annotation, info.metadata)
        if made != {} and not info.is_required():
            made = _either(made, {"type": "null"})  # left empty counts as absent
        default = info.default
        if isinstance(default, enum.Enum):
            default = default.value
        if isinstance(default, str | int | float) and not isinstance(default, Part):
            made = {**made, "default": default}
        return made

    def annotation(self, written: Any, metadata: Sequence[Any] = ()) -> Schema:
        if typing.get_origin(written) is typing.Annotated:
            inner, *more = typing.get_args(written)
            return self.annotation(inner, [*metadata, *more])
        made = self.shape(written)
        if any(isinstance(item, Rendered) for item in metadata):
            made = _either(made, TEMPLATE)
        if any(isinstance(item, BeforeValidator) for item in metadata) and made.get("type") in (
            "array",
            "object",
            None,
        ):
            made = made if "enum" in made else {"anyOf": [made, {}]}  # other shapes are read too
        for item in metadata:
            if (least := getattr(item, "ge", None)) is not None and made.get("type") == "integer":
                made = {**made, "minimum": least}
            pattern = getattr(item, "pattern", None)
            if isinstance(pattern, str) and made == TEXT:
                made = {"type": "string", "pattern": pattern}
        return made

    def shape(self, written: Any) -> Schema:
        origin, args = typing.get_origin(written), typing.get_args(written)
        if written is Any or isinstance(written, typing.TypeVar):
            return {}
        if origin is typing.Literal:
            return {"enum": list(args)}
        if origin in (tuple, list, set, frozenset):
            return {"type": "array", "items": self.annotation(args[0]) if args else {}}
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.annotation(args[1])}
        if args:
            made: Schema = {}
            for number, arg in enumerate(args):
                one = self.annotation(arg)
                made = one if number == 0 else _either(made, one)
            return made
        supertype = getattr(written, "__supertype__", None)
        if supertype is not None:
            return self.shape(supertype)
        return self.named(written)

    def named(self, written: Any) -> Schema:
        if not isinstance(written, type):
            return {}
        if issubclass(written, enum.Enum):
            return {"enum": [each.value for each in written]}
        for base, kind in KINDS:
            if written is base:
                return {"$ref": f"#/definitions/{kind}"}
        if issubclass(written, Written):
            return self.reference(written.__name__, written)
        return dict(PLAIN.get(written, {}))


def _either(one: Schema, other: Schema) -> Schema:
    """What one or the other allows; `{}` allows all."""
    if one == {} or other == {}:
        return {}
    both: list[Schema] = []
    for each in (one, other):
        both += each["anyOf"] if set(each) == {"anyOf"} else [each]
    if {} in both:
        return {"anyOf": [each for each in both if each] + [{}]}
    if any(each.get("type") == TEXT["type"] for each in both):
        both = [each for each in both if each != TEMPLATE]
    unique = [each for number, each in enumerate(both) if each not in both[:number]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def _spellings(name: str, info: FieldInfo) -> list[str]:
    choices = getattr(info.validation_alias, "choices", None)
    if choices:
        return [str(choice) for choice in choices if str(choice) != name or "_" not in name]
    return [str(info.alias or name)]


def type_docs(part: type[Part]) -> dict[str, Any]:
    """One part as documentation: summary, properties with doc, type and default, and its schema."""
    made = part_schema(part)
    own = {name: info for name, info in part.model_fields.items() if part is not Hole}
    return {
        "doc": summary(part),
        "properties": {
            spelling: {
                "doc": attribute_docs(part).get(name, ""),
                "required": info.is_required(),
                "dynamic": any(isinstance(item, Rendered) for item in info.metadata),
            }
            for name, info in own.items()
            for spelling in _spellings(name, info)[:1]
        },
        "schema": made,
    }
