"""From a place inside a text value to the place in the document."""

from __future__ import annotations

from yaml import ScalarNode

from ..problems import Span
from .source import Path, Source


def inside(
    source: Source, path: Path, value: str, line: int, column: int, length: int
) -> Span | None:
    """The place of a piece of a text; the text's own place if it can't be told.

    `line` and `column` count from 1 within `value`.
    """
    node = source.node(path)
    whole = source.span(path)
    if not isinstance(node, ScalarNode) or whole is None:
        return whole
    rows = source.text.split("\n")
    top, left = whole.line, whole.column
    if node.style in ("|", ">"):
        return _in_block(rows, top, value, line, column, length) or whole
    if whole.end_line != whole.line or line != 1 or not top <= len(rows):
        return whole
    row = rows[top - 1]
    start = left - 1 + (1 if row[left - 1 : left] in {'"', "'"} else 0)
    if row[start : start + len(value)] == value:
        at = start + column
        return Span(top, at, top, at + length)
    piece = value[column - 1 : column - 1 + length]  # escapes before it: look for it
    found = row.find(piece, start) if piece else -1
    return Span(top, found + 1, top, found + 1 + length) if found >= 0 else whole


def _in_block(
    rows: list[str], top: int, value: str, line: int, column: int, length: int
) -> Span | None:
    wanted = value.split("\n")[line - 1] if line <= value.count("\n") + 1 else ""
    for number in (top + line, *range(top + 1, min(len(rows), top + value.count("\n") + 8) + 1)):
        if number > len(rows):
            continue
        at = rows[number - 1].find(wanted) if wanted.strip() else -1
        if at >= 0:
            return Span(number, at + column, number, at + column + length)
    return None
