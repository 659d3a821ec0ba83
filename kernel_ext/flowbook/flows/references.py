"""Expressions in a document: each parsed once, and what they refer to looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..errors import ExpressionError
from ..expressions import render
from ..kinds.dynamic import Json
from ..problems import Problem
from .check_flow_triggers import flow_triggers
from .messages import did_you_mean
from .places import inside
from .reading import Reading
from .source import Path, write_path

PROSE = frozenset({"description", "documentation", "displayName"})
"""Properties for people to read: braces in them are no expressions."""
CELL = "flowbook.jupyter.Cell"


def expressions(reading: Reading) -> Iterator[Problem]:
    """Templates that can't be parsed, and references to tasks and inputs that aren't there."""
    known = _Known(reading)
    elsewhere = {path for path, _ in flow_triggers(reading)}  # what they read is of other flows
    seen: dict[str, list[tuple[str, str, str | None]] | ExpressionError] = {}
    for path, text in templates(reading.tree):
        if text not in seen:
            try:
                template = render.parse(text, reading.dialect)
            except ExpressionError as error:
                seen[text] = error
            else:
                seen[text] = list(known.strange(template.paths)) if template.paths else []
        found = seen[text]
        if isinstance(found, ExpressionError):
            yield _broken(reading, path, text, found)
        elif path[:2] not in elsewhere:
            for what, message, hint in found:
                yield _strange(reading, path, text, what, message, hint)


def templates(tree: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    """Every text with an expression, with its place."""
    for key, value in tree.items():
        if key not in PROSE:
            yield from _inside((key,), value)


def _inside(path: Path, value: Json) -> Iterator[tuple[Path, str]]:
    if value.__class__ is str:
        if "{" in value and ("{{" in value or "{%" in value):
            yield path, value
    elif value.__class__ is dict:
        for key, item in value.items():
            if item.__class__ is str:
                if "{" in item and key not in PROSE and ("{{" in item or "{%" in item):
                    if key != "code" or value.get("type") != CELL:  # braces of its own
                        yield (*path, key), item
            elif item.__class__ is dict or item.__class__ is list:
                yield from _inside((*path, key), item)
    elif value.__class__ is list:
        for index, item in enumerate(value):
            yield from _inside((*path, index), item)


def _broken(reading: Reading, path: Path, text: str, error: ExpressionError) -> Problem:
    span = reading.span(path)
    if error.span is not None:
        length = (error.span.end_column or error.span.column + 1) - error.span.column
        span = inside(
            reading.source, path, text, error.span.line, error.span.column, max(1, length)
        )
    said = str(error).partition(", in the expression `")[0]  # the excerpt shows which
    message = f"{write_path(path)}: {said}"
    return Problem.error(message, span, path=write_path(path))


def _strange(
    reading: Reading, path: Path, text: str, what: str, message: str, hint: str | None
) -> Problem:
    found = re.search(rf"(?<![\w.]){re.escape(what)}(?![\w-])", text)
    span = reading.span(path)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
        span = inside(reading.source, path, text, line, column, len(what))
    return Problem.warning(message, span, hint, f"{write_path(path)}:{what}")


class _Known:
    """The ids that expressions of a document may refer to."""

    def __init__(self, reading: Reading) -> None:
        ids = {entry.id for entry in reading.tasks if entry.id}
        self.templated = [
            re.compile(re.sub(r"\\\{\\\{.*?\\\}\\\}", ".*", re.escape(each)))
            for each in ids
            if "{{" in each
        ]
        self.tasks = {each for each in ids if "{{" not in each}
        for entry in reading.tasks:
            if (entry.type or "").endswith("ForEachItem"):
                self.tasks |= {f"{entry.id}_{part}" for part in ("split", "items", "merge")}
        given = [item.get("id") or item.get("name") for _, item in reading.named("inputs")]
        self.inputs = {str(each).split(".")[0] for each in given if each}
        self.checks_inputs = bool(self.inputs) or not reading.is_seed

    def strange(self, paths: tuple[tuple[str, ...], ...]) -> Iterator[tuple[str, str, str | None]]:
        for path in paths:
            if len(path) < 2:
                continue
            root, name = path[0], path[1]
            what = f"{root}.{name}"
            if root == "outputs" and name not in self.tasks and not self.is_templated(name):
                yield what, f"{what}: there is no task '{name}'", did_you_mean(name, self.tasks)
            elif root == "inputs" and self.checks_inputs and name not in self.inputs:
                hint = did_you_mean(name, self.inputs)
                if hint is None and not self.inputs:
                    hint = "The flow declares no inputs."
                yield what, f"{what}: there is no input '{name}'", hint

    def is_templated(self, name: str) -> bool:
        return any(pattern.fullmatch(name) for pattern in self.templated)
