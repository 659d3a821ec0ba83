"""One document on its way from text to flow: what checks look at, and where they leave problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..kinds.dynamic import Json
from ..problems import Problem, Span
from .entries import Entry, named
from .model import Dialect, Flow
from .source import Path, Source, write_path


@dataclass(slots=True)
class Reading:
    """A document's values, its tasks, and everything found in them so far."""

    source: Source
    tree: dict[str, Json]
    """The values as written."""
    dialect: Dialect
    tasks: list[Entry]
    flow: Flow | None = None
    problems: list[Problem] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)

    @property
    def is_seed(self) -> bool:
        return self.dialect == "seed"

    def add(self, problems: Iterable[Problem]) -> None:
        """Keep problems, each once."""
        known = {(each.path, each.message) for each in self.problems}
        for each in problems:
            if (each.path, each.message) not in known:
                known.add((each.path, each.message))
                self.problems.append(each)

    def span(self, path: Path, part: Literal["key", "value"] = "value") -> Span | None:
        return self.source.span(path, part)

    def error(self, message: str, path: Path, hint: str | None = None) -> Problem:
        return Problem.error(message, self.span(path), hint, write_path(path))

    def warning(self, message: str, path: Path, hint: str | None = None) -> Problem:
        return Problem.warning(message, self.span(path), hint, write_path(path))

    def info(self, message: str, path: Path, hint: str | None = None) -> Problem:
        return Problem.info(message, self.span(path), hint, write_path(path))

    def named(self, key: str) -> Iterator[tuple[Path, Mapping[str, Json]]]:
        """The maps in a list at the root (`inputs`, `triggers` …), each with its place."""
        return named(self.tree, key)
