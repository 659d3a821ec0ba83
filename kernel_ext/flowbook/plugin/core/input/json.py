"""`core.input.Json`: the input type JSON."""

from __future__ import annotations

import json

from flowbook.kinds import dynamic
from flowbook.kinds.input import Input
from flowbook.kinds.part import Example


class Json(Input):
    """Any value; a text is read as JSON."""

    expects = 'JSON like {"a": [1, 2]}'
    blank = False

    json_schema: dynamic.Json = None
    """A JSON Schema that the value must match."""

    def parse(self, value: dynamic.Json) -> dynamic.Json:
        if isinstance(value, str):
            try:
                value = json.loads(value, parse_constant=lambda name: None)
            except ValueError as error:
                raise ValueError(
                    f"Expected `JSON` but received `{value}` with errors: {error}"
                ) from None
        if self.json_schema is not None:
            _must_match(self.json_schema, value)
        return value


def _must_match(schema: dynamic.Json, value: dynamic.Json) -> None:
    import jsonschema

    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        raise ValueError(f"it must match the JSON schema: {error.message}") from None
    except jsonschema.SchemaError as error:
        raise ValueError(f"its JSON schema is not one: {error.message}") from None


ORDER = Example(
    title="A document with a schema",
    inputs={"order": '{"item": "lamp"}'},
    logs=("one lamp",),
    flow="""
id: input-json
namespace: demo
inputs:
  - id: order
    type: JSON
    jsonSchema: {type: object, required: [item]}
tasks:
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "one {{ inputs.order.item }}"}
""",
)
