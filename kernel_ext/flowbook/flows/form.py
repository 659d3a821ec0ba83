"""The form of a flow's inputs, as JSON: what the panel asks before a run, and other programs too.

It is a JSON Schema with an entry of `properties` for each input, in the order of the flow and by its
full id. What JSON Schema has no word for stands under `x-flowbook`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..kinds.dynamic import holds_template
from ..kinds.input import Input
from .accepted import Schema, accepted, schema
from .model import Flow

OWN: Mapping[str, str] = {
    "prefill": "prefill",
    "expression": "expression",
    "validator": "validator",
    "item_type": "itemType",
    "allow_custom_value": "allowCustomValue",
    "is_radio": "isRadio",
    "auto_select_first": "autoSelectFirst",
    "min": "min",
    "max": "max",
    "after": "after",
    "before": "before",
    "allowed_file_extensions": "allowedFileExtensions",
}
"""Properties of inputs that a form needs as they are written."""


def form(asks: Flow | Sequence[Input]) -> Schema:
    """The form of a flow, or of what a pause asks."""
    inputs = asks.inputs if isinstance(asks, Flow) else asks
    fields = [(each, member) for each in inputs for member in each.members()]
    made: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {member.id: field(member, each) for each, member in fields},
        "required": [m.id for _, m in fields if m.required and not _has_default(m)],
    }
    if isinstance(asks, Flow):
        about = {"title": asks.uid, "description": asks.description}
        made |= {name: value for name, value in about.items() if value}
    return made


def field(declared: Input, group: Input | None = None) -> Schema:
    """One input: its schema, then what a form shows of it; `group` is the FORM it stands in."""
    made = schema(declared)
    about = {"title": declared.display_name, "description": declared.description}
    made |= {name: value for name, value in about.items() if value}
    if declared.defaults is not None and not holds_template(declared.defaults):
        made["default"] = None if declared.is_secret else declared.defaults
    own: Schema = {
        "type": declared.type,
        "required": declared.required,
        "accepts": accepted(declared),
    }
    for name, written in OWN.items():
        value = getattr(declared, name, None)
        if value is not None and value is not False:
            own[written] = list(value) if isinstance(value, tuple) else value
    if holds_template(declared.defaults):
        own["defaults"] = declared.defaults
    if labels := declared.labels():
        own["labels"] = dict(labels)
    if (depends := declared.depends_on) is not None:
        own["dependsOn"] = {"inputs": list(depends.inputs), "condition": depends.condition}
    if group is not None and group.id != declared.id:
        own["group"] = {
            "id": group.id,
            "title": group.display_name or group.id,
            "description": group.description,
        }
    made["x-flowbook"] = own
    return made


def _has_default(declared: Input) -> bool:
    return declared.defaults is not None or bool(getattr(declared, "auto_select_first", False))
