"""What a form asks, and what it is told while somebody fills it in."""

from __future__ import annotations

from typing import Any

from flowbook.expressions import render as language
from flowbook.flows.form import form
from flowbook.flows.inputs import answers
from flowbook.flows.parse import parse

FLOW = parse("""
id: asks
namespace: demo
description: What it does.
inputs:
  - {id: cloud, type: SELECT, values: [{label: Amazon, value: aws}, gcp], defaults: aws, isRadio: true,
     displayName: Cloud}
  - id: region
    type: SELECT
    expression: "{{ inputs.cloud == 'aws' ? ['eu-1', 'us-1'] : ['europe', 'asia'] }}"
    dependsOn: {inputs: [cloud]}
  - {id: profile, type: STRING, required: false, prefill: default, validator: '[a-z]+',
     dependsOn: {inputs: [cloud], condition: "{{ inputs.cloud equals 'aws' }}"}}
  - {id: n, type: INT, min: 1, max: 5, defaults: 3, description: How many.}
  - {id: token, type: SECRET, defaults: "{{ secret('T') }}"}
  - {id: tags, type: MULTISELECT, values: [a, b]}
  - {id: data, type: FILE, allowedFileExtensions: [.csv]}
  - {id: shape, type: JSON, jsonSchema: {type: object}}
  - id: req
    type: FORM
    displayName: Request
    inputs: [{id: day, type: DATE, after: 2025-01-01}]
tasks: [{id: t, type: Log, message: x}]
""")


def test_a_form_has_all_that_one_needs_to_ask() -> None:
    made = form(FLOW)
    assert made["required"] == ["region", "tags", "data", "shape", "req.day"]
    assert (made["title"], made["description"]) == ("demo.asks", "What it does.")
    fields = made["properties"]
    assert list(fields) == [each.id for each in FLOW.declared]
    own = {name: one.pop("x-flowbook") for name, one in fields.items()}
    assert fields["cloud"] == {
        "type": "string",
        "enum": ["aws", "gcp"],
        "title": "Cloud",
        "default": "aws",
    }
    assert own["cloud"]["labels"] == {"aws": "Amazon"}
    assert own["cloud"]["isRadio"] is True
    assert own["region"]["dependsOn"] == {"inputs": ["cloud"], "condition": None}
    assert own["region"]["expression"].startswith("{{ inputs.cloud")
    assert own["profile"]["prefill"] == "default"
    assert own["profile"]["dependsOn"]["condition"] == "{{ inputs.cloud equals 'aws' }}"
    assert fields["profile"]["pattern"] == "^(?:[a-z]+)$"
    assert fields["n"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 5,
        "default": 3,
        "description": "How many.",
    }
    assert own["n"]["accepts"] == "a whole number like 42, from 1 to 5"
    assert fields["token"] == {"type": "string", "format": "password", "writeOnly": True}
    assert fields["tags"]["items"] == {"enum": ["a", "b"]}
    assert own["data"]["allowedFileExtensions"] == [".csv"]
    assert fields["shape"] == {"type": "object"}
    assert own["req.day"]["group"] == {"id": "req", "title": "Request", "description": None}
    assert own["req.day"]["after"] == "2025-01-01"


def test_a_form_is_a_json_schema() -> None:
    import jsonschema

    made = form(FLOW)
    jsonschema.Draft202012Validator.check_schema(made)
    given = {"region": "eu-1", "tags": ["a"], "data": "x.csv", "shape": {}, "req.day": "2025-02-01"}
    jsonschema.validate(given, made)


def told(given: dict[str, Any]) -> dict[str, Any]:
    def render(value: Any, inputs: Any) -> Any:
        scope = language.Scope({"inputs": inputs}, {"secret": lambda key: "hunter2"})
        return language.render_deep(value, scope, typed=True)

    return {each.declared.id: each for each in answers(FLOW, given, render=render)}


def test_what_is_given_so_far_is_answered_input_by_input() -> None:
    found = told({"cloud": "gcp", "region": "eu-1", "n": "9"})
    assert found["cloud"].value == "gcp"
    assert not found["cloud"].is_default
    assert not found["profile"].enabled
    assert list(found["region"].declared.offered() or ()) == ["europe", "asia"]
    assert found["region"].errors == (
        "Invalid input for `region`, it must match the values `[europe, asia]`, but received `eu-1`",
    )
    assert found["n"].errors == (
        "Invalid input for `n`, it must be less than `5`, but received `9`",
    )
    assert found["token"].is_default
    assert found["req.day"].errors == (
        "Invalid input for `req.day`, missing required input, but received `null`",
    )
