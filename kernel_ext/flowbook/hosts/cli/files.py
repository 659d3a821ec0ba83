"""Flows in files: found in folders, read, checked without a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flowbook.flows.model import Flow
    from flowbook.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One document of a file: its flow, unless it has errors, and all its problems."""

    path: str
    text: str
    flow: Flow | None
    problems: tuple[Problem, ...]

    @property
    def is_valid(self) -> bool:
        return self.flow is not None

    def report(self) -> str:
        """All problems, as people read them."""
        from flowbook.problems import report

        return report(self.problems, name=self.path, text=self.text)


def found(paths: Iterable[str]) -> Iterator[tuple[Path, bool]]:
    """Every YAML file that is named or lies below a named folder; whether it was named itself."""
    for name in paths:
        path = Path(name)
        if path.is_dir():
            files = [*path.rglob("*.yaml"), *path.rglob("*.yml")]
            inside = (f for f in files if not _is_hidden(f.relative_to(path)))
            yield from ((file, False) for file in sorted(inside))
        elif path.is_file():
            yield path, True
        else:
            raise click.BadParameter(f"There is no file or folder {name}", param_hint="FILE|DIR")


def checked(paths: Iterable[str]) -> Iterator[Checked]:
    """Every flow in the files; in folders, YAML that isn't meant as a flow is left alone."""
    from flowbook.flows.parse import is_flow, parse_all

    for path, named in found(paths):
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path} can't be read: {error}") from None
        if not named and not is_flow(text):
            continue
        whole = path.resolve()  # a flow keeps the name of its file, wherever it is asked about
        for flow, problems in parse_all(text, str(whole), folder=whole.parent):
            yield Checked(path=str(path), text=text, flow=flow, problems=problems)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
