"""The one fact that stands beside a task's kind: `86 kB`, `48 rows`, `200`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.kinds.dynamic import TABLE

from .words import plural, size

_WORDS = {
    "core.debug.Return": "return",
    "core.http.Request": "http",
    "core.kv.Set": "kv",
    "core.kv.Get": "kv",
}


def word(type_: str) -> str:
    """What a node calls its type: `core.http.Download` is `http`, `jdbc.duckdb.Query` is `sql`."""
    if type_ in _WORDS:
        return _WORDS[type_]
    package, _, name = type_.rpartition(".")
    if "jdbc" in package:
        return "sql"
    last = package.rpartition(".")[2]
    if last in ("jupyter", "flow", ""):
        return name.lower() if last == "jupyter" else name
    return last


def fact(outputs: object) -> str:
    """What came of a task, from its outputs; empty when none of them is a known number."""
    if not isinstance(outputs, Mapping):
        return ""
    length = outputs.get("length", outputs.get("bytes"))
    if isinstance(length, int) and not isinstance(length, bool) and "uri" in outputs:
        return size(length)
    rows = _rows(outputs)
    if rows is not None:
        return plural(rows, "row")
    code = outputs.get("code")
    if isinstance(code, int) and 100 <= code <= 599:
        return str(code)
    exit_code = outputs.get("exitCode")
    if isinstance(exit_code, int) and exit_code:
        return f"exit {exit_code}"
    return ""


def _rows(outputs: Mapping[str, Any]) -> int | None:
    for name in ("rows", "size", "rowCount"):
        value = outputs.get(name)
        if isinstance(value, list):
            return len(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    inside = outputs.get("vars")
    values = [*outputs.values(), *(inside.values() if isinstance(inside, Mapping) else ())]
    return next((n for n in map(_table_rows, values) if n), None)


def _table_rows(value: object) -> int | None:
    """The rows of a table value that is stored as a file."""
    if not isinstance(value, Mapping) or not (TABLE in value or "uri" in value):
        return None
    rows = value.get("rows")
    return rows if isinstance(rows, int) else None
