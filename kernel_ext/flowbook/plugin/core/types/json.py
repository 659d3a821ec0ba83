"""`core.types.Json`."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic
from flowbook.kinds.dynamic import Json as JsonValue
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.files import IS_URI


class Json(RunnableTask):
    """Read JSON, or a file of JSON lines, and hand back its value."""

    from_: Dynamic[str] = Field(alias="from")
    """A storage URI, or the text itself."""
    path: Dynamic[str | None] = None
    """A jq program that picks what is wanted."""

    async def run(self, context: Context) -> dict[str, JsonValue]:
        given = (await context.render(self.from_)).strip()
        uri = given if IS_URI.fullmatch(given) else None
        text = (await context.fetch(uri)).read_text("utf-8") if uri else given
        value = _read(text)
        if program := await context.render(self.path):
            value = _picked(value, program)
        size = len(value) if isinstance(value, list | dict) else 1
        rows = value if isinstance(value, list) else [value]
        return {"value": value, "rows": rows, "size": size, "uri": uri}


def _read(text: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
        except ValueError:
            pass
        raise TaskFailed(f"This is no JSON: {error}") from None


def _picked(value: JsonValue, program: str) -> JsonValue:
    import jq

    try:
        found: list[Any] = jq.compile(program).input_value(value).all()
    except ValueError as error:
        raise TaskFailed(f"jq '{program}': {error}") from None
    return found[0] if len(found) == 1 else found


PICK = Example(
    title="Read JSON and pick a part of it",
    outputs={"read": {"value": 2, "size": 1}},
    flow="""
id: pick-a-part
namespace: demo
tasks:
  - id: read
    type: io.kestra.plugin.core.types.Json
    from: '{"a": {"b": 2}}'
    path: .a.b
""",
)
