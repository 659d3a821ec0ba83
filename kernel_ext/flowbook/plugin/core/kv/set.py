"""`core.kv.Set`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flowbook.errors import Conflict, TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.durations import Duration, iso, parse_duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.core.input.datetime import read, write
from flowbook.plugin.spelling import AnyCase

KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
BAD_KEY = (
    "Key must start with an alphanumeric character (uppercase or lowercase) and can contain "
    "alphanumeric characters (uppercase or lowercase), dots (.), underscores (_), and hyphens (-) only."
)


class KVType(AnyCase):
    """What a value is read as."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    DATETIME = "DATETIME"
    DATE = "DATE"
    DURATION = "DURATION"
    JSON = "JSON"


class Set(RunnableTask):
    """Keep a value under a key of a namespace."""

    key: Dynamic[str]
    """The key."""
    value: Json
    """The value; an expression alone keeps its type."""
    namespace: Dynamic[str | None] = None
    """The namespace; the flow's own if left out."""
    overwrite: Dynamic[bool] = True
    """Replace a value that is there; else that is a failure."""
    ttl: Dynamic[Duration | None] = None
    """How long it is kept; for ever if left out."""
    kv_type: Dynamic[KVType | None] = None
    """Read a text as this type."""
    kv_description: Dynamic[str | None] = None
    """What the pair is for."""

    async def run(self, context: Context) -> None:
        key = await context.render(self.key)
        if not KEY.fullmatch(key):
            raise TaskFailed(f"{BAD_KEY} Got '{key}'.")
        kind = await context.render(self.kv_type)
        value = await context.render_json(self.value, typed=True)
        ttl = await context.render(self.ttl)
        pairs = await context.kv(await context.render(self.namespace))
        try:
            await pairs.set(
                key,
                _converted(value, kind, key),
                kind=None if kind is None else kind.value,
                overwrite=await context.render(self.overwrite),
                seconds=None if ttl is None else ttl.total_seconds(),
                description=await context.render(self.kv_description),
            )
        except Conflict:
            raise TaskFailed(
                f"Cannot set value for key '{key}'. Key already exists and `overwrite` is set to `false`."
            ) from None


def _boolean(text: str) -> bool:
    if text.strip().lower() not in {"true", "false"}:
        raise ValueError("not true or false")
    return text.strip().lower() == "true"


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else float(text)


READ: Mapping[KVType, Callable[[str], Any]] = {
    KVType.NUMBER: _number,
    KVType.BOOLEAN: _boolean,
    KVType.DATETIME: lambda text: write(read(text)),
    KVType.DATE: lambda text: date.fromisoformat(text).isoformat(),
    KVType.DURATION: lambda text: iso(parse_duration(text)),
    KVType.JSON: json.loads,
}


def _converted(value: Json, kind: KVType | None, key: str) -> Json:
    if kind is KVType.STRING:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if kind is None or not isinstance(value, str):
        return value
    try:
        return READ[kind](value)
    except ValueError:
        raise TaskFailed(f"The value for key '{key}' is no {kind.value}: '{value[:200]}'") from None


COUNTER = Example(
    title="Keep a number for the next run",
    outputs={"read": {"value": 5}},
    flow="""
id: keep-a-number
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.kv.Set, key: last_count, value: "{{ 5 }}"}
  - {id: read, type: io.kestra.plugin.core.kv.Get, key: last_count}
""",
)
