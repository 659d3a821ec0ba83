"""The tolerant loader: YAML as people paste it, mended until it reads. One function a repair.

A repair is made only where reading failed, so what stands in a script or a text is never touched.
Each leaves a note with the line of the original text; stored is always the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from ..kinds.dynamic import Json
from ..problems import Problem, Span
from . import source as sources
from .entries import entries
from .source import Source

MAX_REPAIRS = 60
MAX_CHARACTERS = 256 * 1024
ALIAS = "\ue000"
"""Marks a text that stands for an alias nobody defined."""

STRUCTURAL = re.compile(r"^\s*\{%.*%\}\s*$")
BLOCK = re.compile(
    r"^(\s*)(?:- )*[^\s#].*[:\-]\s+[|>][-+0-9]*\s*(?:#.*)?$|^(\s*)- [|>][-+0-9]*\s*$"
)
VALUE = re.compile(r"^(\s*(?:- +)*(?:[\w.\"'-]+:\s+)?)(\S.*?)(\s+#.*)?$")
ESCAPES = frozenset('0abt\tnvfre "/\\N_LPxuU')


@dataclass(slots=True)
class Text:
    """A document's lines while they are mended."""

    lines: list[str]
    origin: list[int]
    """For each line the number (from 1) of the one it came from."""
    notes: list[tuple[int, str]] = field(default_factory=list)
    is_template: bool = False

    def note(self, index: int, message: str) -> None:
        self.notes.append((self.origin[index], message))

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Fault:
    """Where reading stopped: line and column from 0, and what was said."""

    line: int
    column: int
    message: str


Repair: TypeAlias = Callable[[Text, Fault], bool]


def mend(source: Source, line: int = 0) -> Source | None:
    """The document read with repairs, each a warning; `None` if there is no way to read it.

    `line` is the number of lines before the document in its text.
    """
    if len(source.document) > MAX_CHARACTERS:
        return None
    rows = source.document.split("\n")
    text = Text(rows, list(range(1, len(rows) + 1)))
    templates(text)
    for _ in range(MAX_REPAIRS):
        mended = _read(source, text, line)
        fault = _fault(text, line)
        if fault is None:
            return mended
        if not any(repair(text, fault) for repair in REPAIRS):
            return None
    return None


def split(source: Source, line: int = 0) -> list[tuple[str, int]]:
    """A document cut at each further `id` at its root (repair 1), with the lines before each part."""
    rows = source.document.split("\n")
    starts = [n for n, row in enumerate(rows) if re.match(r"id\s*:", row)]
    if len(starts) < 2:
        return [(source.document, line)]
    cuts = [0, *(_with_comments(rows, start) for start in starts[1:]), len(rows)]
    return [
        ("\n".join(rows[a:b]) + ("\n" if b < len(rows) else ""), line + a)
        for a, b in pairwise(cuts)
    ]


def _with_comments(rows: list[str], start: int) -> int:
    """Where the comments above a line begin: they belong to what follows."""
    while start > 0 and rows[start - 1].startswith("#"):
        start -= 1
    return start


def _read(source: Source, text: Text, line: int) -> Source:
    origin = text.origin

    def place(row: int, column: int) -> tuple[int, int]:
        return origin[min(row, len(origin)) - 1] + line, column

    mended = sources.read(
        source.text, source.name, source.document, yaml=str(text), place=place, lenient=True
    )
    mended.is_template = text.is_template
    fill(mended.value)
    for number, message in text.notes:
        rows = source.text.split("\n")
        row = rows[number + line - 1]
        start = len(row) - len(row.lstrip()) + 1
        span = Span(number + line, start, number + line, len(row.rstrip()) + 1)
        mended.problems.append(Problem.warning(f"Mended while reading: {message}", span))
    return mended


def _fault(text: Text, line: int) -> Fault | None:
    """What stops reading now, at its place in the mended text."""
    tried = sources.read(str(text), "", lenient=True)
    first = next((problem for problem in tried.problems if problem.is_error), None)
    if first is None:
        return None
    span = first.span or Span(1, 1)
    return Fault(min(span.line, len(text.lines)) - 1, span.column - 1, first.message)


def templates(text: Text) -> None:
    """Repair 3: a mapping with lines `{% … %}` becomes a text that is rendered, then read as YAML."""
    index = 0
    while index < len(text.lines):
        structural = [n for n in structure(text.lines) if STRUCTURAL.match(text.lines[n])]
        if not structural:
            return
        index = structural[0]
        parent = _parent(text.lines, index)
        if parent is None:
            return
        least = _least_indent(text.lines, parent)
        text.is_template = True
        text.note(index, "the lines with {% %} make the map around them a template")
        row = text.lines[parent].rstrip()
        text.lines[parent] = f"{row} |{least - _indent(row)}"


def _parent(lines: list[str], index: int) -> int | None:
    depth = _indent(lines[index])
    for above in range(index - 1, -1, -1):
        row = lines[above]
        if row.strip() and not row.lstrip().startswith("#") and _indent(row) < depth:
            return above if row.rstrip().endswith(":") else None
    return None


def _least_indent(lines: list[str], parent: int) -> int:
    """The least indentation inside a key's block."""
    depth = _indent(lines[parent])
    least = depth + 9
    for row in lines[parent + 1 :]:
        if row.strip():
            if _indent(row) <= depth:
                break
            least = min(least, _indent(row))
    return least


def structure(lines: list[str]) -> Iterator[int]:
    """The lines that are YAML's own, not the inside of a block of text."""
    inside: int | None = None
    for index, row in enumerate(lines):
        if not row.strip():
            continue
        if inside is not None and _indent(row) > inside:
            continue
        inside = _key_indent(row) if BLOCK.match(row) else None
        yield index


def _key_indent(row: str) -> int:
    """Where a key stands: `- ` before it counts."""
    found = re.match(r"\s*(?:- +)*", row)
    assert found is not None
    return found.end() if ":" in row else max(0, found.end() - 2)


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def aliases(text: Text, fault: Fault) -> bool:
    """Repair 4: an alias nobody defined is the task of that id."""
    if "undefined alias" not in fault.message:
        return False
    row = text.lines[fault.line]
    found = re.compile(r"\*([\w-]+)").search(row, max(0, fault.column - 1))
    if found is None:
        return False
    text.lines[fault.line] = f'{row[: found.start()]}"{ALIAS}{found[1]}"{row[found.end() :]}'
    text.note(fault.line, f"*{found[1]} is taken as the task '{found[1]}'")
    return True


def fill(tree: Json) -> None:
    """Put the tasks in place of the aliases that `aliases` marked, without their ids."""
    marked = [
        (node, key)
        for node in _maps(tree)
        for key, value in node.items()
        if isinstance(value, str) and value.startswith(ALIAS)
    ]
    tasks = {entry.id: entry.node for entry in entries(tree)} if marked else {}
    for node, key in marked:
        found = tasks.get(node[key][1:])
        bare = {k: v for k, v in (found or {}).items() if k not in {"id", "<<"}}
        if key == "<<":
            del node[key]
            node.update({k: v for k, v in bare.items() if k not in node})
        else:
            node[key] = bare if found else f"*{node[key][1:]}"


def _maps(tree: Json) -> Iterator[dict[str, Json]]:
    if isinstance(tree, dict):
        yield tree
        for value in list(tree.values()):
            yield from _maps(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _maps(value)


def whitespace(text: Text, fault: Fault) -> bool:
    """Repair 8: other spaces and tabs in the indentation, and quotes from a word processor."""
    changed = False
    for index in list(structure([_plain_indent(row) for row in text.lines])):
        row = text.lines[index]
        mended = _plain_indent(row)
        mended = re.sub(r"([:\-])\u00a0+", r"\1 ", mended)
        mended = re.sub(
            r"([:\-]\s+)[\u201c\u201d\u201f]([^\"\u201c\u201d]*)[\u201c\u201d]\s*$",
            r'\1"\2"',
            mended,
        )
        mended = re.sub(
            r"([:\-]\s+)[\u2018\u2019]([^'\u2018\u2019]*)[\u2018\u2019]\s*$", r"\1'\2'", mended
        )
        if mended != row:
            text.lines[index] = mended
            text.note(index, "tabs, special spaces or curly quotes are written as YAML wants them")
            changed = True
    return changed


def _plain_indent(row: str) -> str:
    body = row.lstrip(" \t\u00a0\u2007\u202f")
    lead = row[: len(row) - len(body)]
    return (
        lead.replace("\t", "  ")
        .replace("\u00a0", " ")
        .replace("\u2007", " ")
        .replace("\u202f", " ")
        + body
    )


def list_on_key(text: Text, fault: Fault) -> bool:
    """Repair 5: `key: - item` is broken into two lines."""
    for index in (fault.line, fault.line - 1):
        if index < 0:
            continue
        found = re.match(r"^(\s*(?:- +)*[\w.-]+:) +(- .*)$", text.lines[index])
        if found:
            column = found.start(2)
            text.note(index, "the list starts on a line of its own")
            text.lines[index : index + 1] = [found[1], " " * column + found[2]]
            text.origin.insert(index, text.origin[index])
            return True
    return False


def reserved(text: Text, fault: Fault) -> bool:
    """Repairs 2 and 6: a plain text that starts with `@`, `` ` ``, `%` or `{{` is quoted."""
    for index in (fault.line, fault.line - 1):
        if index < 0:
            continue
        found = VALUE.match(text.lines[index])
        if found is None or not found[2].startswith(("@", "`", "%", "{{")):
            continue
        what = (
            "an expression"
            if found[2].startswith("{{")
            else f"a text that starts with '{found[2][0]}'"
        )
        key = re.match(r"^(\{\{.*?\}\}[\w.-]*):(\s.*|)$", found[2]) if found[2][0] == "{" else None
        quoted = f"{_quoted(key[1])}:{key[2]}" if key else _quoted(found[2])
        text.lines[index] = f"{found[1]}{quoted}{found[3] or ''}"
        text.note(index, f"{what} is put in quotes")
        return True
    return False


def _quoted(value: str) -> str:
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def escapes(text: Text, fault: Fault) -> bool:
    """Repairs 7 and 9: in double quotes `\\*` is `*`, any other unknown escape is doubled."""
    if "unknown escape" not in fault.message:
        return False
    row = text.lines[fault.line]
    at = row.rfind("\\", 0, fault.column + 1)
    at = at if at >= 0 else row.find("\\")
    while at >= 0 and at + 1 < len(row) and row[at + 1] in ESCAPES:
        at = row.find("\\", at + 2)
    if at < 0:
        return False
    if row[at + 1 : at + 2] == "*":
        text.lines[fault.line] = row[:at] + row[at + 1 :]
        text.note(fault.line, r"\* is written as *")
    else:
        text.lines[fault.line] = row[:at] + "\\" + row[at:]
        text.note(fault.line, f"the backslash in {row[at : at + 2]} is doubled")
    return True


REPAIRS: tuple[Repair, ...] = (aliases, escapes, list_on_key, reserved, whitespace)


def starred(tree: Mapping[str, Json]) -> list[int]:
    """Repair 9 in plain texts: a cron with Markdown's `\\*`; the numbers of such triggers."""
    triggers = tree.get("triggers")
    mended = []
    for number, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        if isinstance(trigger, dict) and "\\*" in str(trigger.get("cron", "")):
            trigger["cron"] = str(trigger["cron"]).replace("\\*", "*")
            mended.append(number)
    return mended
