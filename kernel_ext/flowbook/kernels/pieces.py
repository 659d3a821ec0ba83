"""Pieces of code that share one namespace: cells and calls of an execution."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Heard = Callable[[str, str], None]
"""Hears what the code prints: the stream's name and text."""
ENDED = "its variables ended with the kernel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Code to run where the pieces before it ran."""

    title: str
    """What messages call it: the task's id."""
    code: str
    folder: Path
    """The attempt's own folder, the channel `FLOWBOOK_RUN`."""
    outputs: Sequence[str] = ()
    """Names that are handed on after the code."""
    result: bool = True
    """Whether the value of the last expression is handed on too."""
    is_cell: bool = True
    """Whether somebody wrote the code, so that its lines are worth naming."""

    def undefined(self, names: str) -> CodeError:
        said = ", ".join(f"'{name}'" for name in names.split(", "))
        return CodeError(message=f"Cell '{self.title}' did not define {said}", kind="NameError")

    def failure(self, kind: str, said: str, line: int | None, traceback: str) -> CodeError:
        """An error that the code raised."""
        if found := _PLACE.search(said):
            said, line = said[: found.start()], int(found[1])
        message = f"{kind}: {said}" if said else kind
        where = f", line {line} of {self.title}" if line and self.is_cell else ""
        return CodeError(message=message + where, kind=kind, line=line, traceback=traceback)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeError:
    """Why a piece failed."""

    message: str
    kind: str
    line: int | None = None
    traceback: str = ""


_PLACE = re.compile(r" \([^()]+\.py, line (\d+)\)$")
"""How a `SyntaxError` says where, by the name of a file nobody knows."""


class Place(Protocol):
    """Where the pieces of an execution run, one at a time."""

    async def run(self, piece: Piece, heard: Heard) -> CodeError | None:
        """Run a piece and hand on what it defines; why it failed. Cancelling interrupts the code."""
        ...
