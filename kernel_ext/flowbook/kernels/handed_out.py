"""What `fb.outputs`, `fb.metric` and `fb.progress` leave in a run's folder, read by the host.

The folder is `FLOWBOOK_RUN`: `inputs.json` in; `outputs/index.jsonl` and files beside it out;
`news.jsonl` holds progress and metrics. `flowbook.running` writes, in whatever process runs the code.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .notebook import Json


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One result: a JSON value, a Parquet file, or a file."""

    kind: Literal["json", "table", "file"]
    value: Json = None
    path: Path | None = None
    name: str = ""
    """The file's own name."""
    rows: int = 0
    columns: Sequence[str] = ()
    is_list: bool = False
    """A table that was a list of maps, and prints as one."""
    warning: str | None = None


def prepare(
    folder: Path, inputs: Mapping[str, Json], execution: Mapping[str, Json], **more: Json
) -> None:
    """Make the channel's folder ready for a run; `more` may hold `reserved` names of outputs."""
    (folder / "outputs").mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps({"inputs": dict(inputs), "execution": dict(execution), **more}, default=str)
    path = folder / "inputs.json"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def take_over(earlier: str, folder: Path) -> None:
    """Begin with what an earlier run handed out."""
    source = Path(earlier) / "outputs"
    if source.is_dir():
        shutil.copytree(source, folder / "outputs", dirs_exist_ok=True)


def collect(folder: Path) -> dict[str, HandedOut]:
    """All results by name, the last one of each name, in the order of their first."""
    found: dict[str, HandedOut] = {}
    for line in _lines(folder / "outputs" / "index.jsonl"):
        file = line.get("file")
        path = folder / "outputs" / Path(file).name if isinstance(file, str) else None
        if line.get("kind") in ("table", "file") and (path is None or not path.is_file()):
            continue
        found[str(line["name"])] = HandedOut(
            kind=line["kind"],
            value=line.get("value"),
            path=path,
            name=str(line.get("as") or file or ""),
            rows=int(line.get("rows", 0)),
            columns=tuple(line.get("columns", ())),
            is_list=bool(line.get("list", False)),
            warning=line.get("warning"),
        )
    return found


class NewsReader:
    """Reads what has been added to `news.jsonl` since the last time."""

    def __init__(self, folder: Path, hear: Callable[[Mapping[str, Any]], None]) -> None:
        self._path = folder / "news.jsonl"
        self._hear = hear
        self._read = 0

    def look(self) -> None:
        try:
            if self._path.stat().st_size <= self._read:
                return
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                self._hear(entry)


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("kind") in ("json", "table", "file"):
            found.append(entry)
    return found
