"""The journal of a run: one JSON line for the notebook as it started and for each entry after it.

Theory of operation: every line is one `write` to a file opened for appending, so a process that is
killed leaves whole lines and at most one torn one, which readers leave out. The `.ipynb` is made from
the journal, or by the run itself at its end, and put in place by rename: it exists whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from .executed import Entry, Executed
from .notebook import Document, NotANotebook, encoded, load, numbered, write

JOURNAL = "run.jsonl"


class Journal:
    """Appends entries to `run.jsonl` of a folder."""

    def __init__(
        self, folder: Path, document: Document, meta: Mapping[str, Any], name: str
    ) -> None:
        self.path = folder / JOURNAL
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        self.add({"op": "notebook", "name": name, "document": document, "meta": meta})

    def add(self, entry: Entry) -> None:
        line = encoded(entry) + b"\n"
        while line:
            line = line[os.write(self._file, line) :]

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)


def entries(path: Path) -> Iterator[Entry]:
    """The whole lines of a journal, which may still be growing."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError:
                return


def read(folder: Path) -> Executed:
    """Source and journal of a run as one notebook, at whatever moment. Raises `FileNotFoundError`."""
    return _read(folder)[1]


def _read(folder: Path) -> tuple[str, Executed]:
    found = entries(folder / JOURNAL)
    first = next(found, None)
    if first is None:
        raise NotANotebook("the journal of this run holds no notebook yet")
    executed = Executed(first["document"])
    for entry in found:
        executed.apply(entry)
    return first["name"], executed


def seal(folder: Path) -> tuple[Path, Mapping[str, int]]:
    """The executed copy of a run that ended in whatever way, and its cells as counted.

    It is as the run left it, or made from the journal. Raises `FileNotFoundError`, `NotANotebook`
    for a run that ended before it began.
    """
    name, executed = _read(folder)
    path = folder / name
    if not executed.is_done:
        last = (folder / JOURNAL).stat().st_mtime
        executed.cut_short(datetime.fromtimestamp(last, UTC).isoformat())
    document = executed.settled()
    if not path.exists():
        write(document, path)
    return path, _counted(document)


def _counted(document: Document) -> Mapping[str, int]:
    cells = [cell["metadata"].get("papermill", {}) for number, cell in numbered(document) if number]
    states = [cell.get("status") for cell in cells]
    return {
        "total": len(states),
        "done": states.count("completed"),
        "failed": states.count("failed"),
    }


def rows(copy: Path) -> list[dict[str, Any]]:
    """The cells of a sealed copy as records tell them."""
    told: list[dict[str, Any]] = []
    for number, cell in numbered(load(copy).document):
        if number:
            times = cell["metadata"].get("papermill", {})
            failed = any(output["output_type"] == "error" for output in cell["outputs"])
            state = {"completed": "DONE", "failed": "FAILED" if failed else "STOPPED"}
            told.append(
                {
                    "cell": number,
                    "cell_id": cell["id"],
                    "state": state.get(str(times.get("status")), "WAITING"),
                    "started_at": times.get("start_time"),
                    "ended_at": times.get("end_time"),
                    "outputs": len(cell["outputs"]),
                    "text": None,
                    "error": None,
                }
            )
    return told


def name_of_attempt(name: str, attempt: int) -> str:
    """What the copy of an attempt is stored as, so that each has its own.

    >>> name_of_attempt("train.ipynb", 1), name_of_attempt("train.ipynb", 2)
    ('train.ipynb', 'train-2.ipynb')
    """
    stem, dot, suffix = name.rpartition(".")
    return name if attempt < 2 else f"{stem}-{attempt}{dot}{suffix}"
