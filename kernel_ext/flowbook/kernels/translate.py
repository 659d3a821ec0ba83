"""Values as source text of a notebook's language: Python by ourselves, the others by papermill's translators."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .languages import assignments


@dataclass(frozen=True, slots=True)
class Table:
    """A table value handed to a notebook: read by the kernel, never by us."""

    path: Path
    uri: str
    rows: int
    columns: tuple[str, ...]


def source_of(values: Mapping[str, Any], language: str, kernel: str = "") -> str:
    """Assignments of all values, under a comment, as papermill writes them. Raises `NoTranslator`."""
    if language == "python":
        return _python_source(values)
    plain = {name: _plain(value) for name, value in values.items()}
    return assignments(plain, language, kernel)


def _python_source(values: Mapping[str, Any]) -> str:
    lines = ["# Parameters"]
    if any(isinstance(value, Table) for value in values.values()):
        lines.append("from flowbook.running import Table")
    lines += [f"{name} = {python_literal(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def python_literal(value: Any) -> str:
    """Python source that gives the value; dates and durations as ISO text, paths as text."""
    match value:
        case Table():
            return (
                f"Table({_text(str(value.path))}, uri={_text(value.uri)}, rows={value.rows}, "
                f"columns={python_literal(list(value.columns))})"
            )
        case None | bool() | int():
            return repr(value)
        case float():
            return repr(value) if math.isfinite(value) else f"float('{value}')"
        case Mapping():
            pairs = (f"{_text(str(key))}: {python_literal(item)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(python_literal, value)) + "]"
    return _text(str(_plain(value)))


def _text(value: str) -> str:
    quoted = repr(value)
    # papermill's double quotes where nothing needs escaping, so that copies look the same
    return (
        f'"{quoted[1:-1]}"'
        if quoted[0] == "'" and '"' not in quoted and "\\'" not in quoted
        else quoted
    )


def _plain(value: Any) -> Any:
    match value:
        case Table():
            return str(value.path)
        case datetime.timedelta():
            return duration_text(value.total_seconds())
        case datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def duration_text(seconds: float) -> str:
    """ISO 8601, like `PT5M` or `PT1H30S`."""
    whole, fraction = divmod(round(seconds, 3), 1)
    hours, rest = divmod(int(whole), 3600)
    minutes, left = divmod(rest, 60)
    tail = f"{left + fraction:.3f}".rstrip("0").rstrip(".") if fraction else str(left)
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    parts.append(f"{tail}S" if left or fraction or not (hours or minutes) else "")
    return "PT" + "".join(parts)
