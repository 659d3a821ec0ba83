"""Where a task's notebook is, and where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context

REMOTE = ("kestra://", "flowbook://", "nsfile://")


@dataclass(frozen=True, slots=True)
class Found:
    """A notebook's file, and the name it was asked for by."""

    path: Path
    shown: str
    """The path inside the workspace, or the URI."""
    is_stored: bool
    """It lies in the storage or among namespace files: its folder is no place to run in."""
    folder: Path | None = None
    """Where it runs, if that isn't the folder of `path`."""


async def notebook_at(context: Context, path: str) -> Found:
    """The notebook of that path or URI. Raises `TaskFailed`."""
    if not path.strip():
        raise TaskFailed("'path' is empty: name a notebook")
    if path.startswith(REMOTE):
        return Found(await context.fetch(path), path, is_stored=True)
    root = context.workspace_root.resolve()
    folders = list(dict.fromkeys((context.flow_folder.resolve(), root)))
    for folder in folders:
        candidate = (folder / path).resolve()
        if not any(candidate.is_relative_to(allowed) for allowed in folders):
            raise TaskFailed(f"The notebook '{path}' lies outside the workspace {root}")
        if candidate.is_file():
            shown = candidate.relative_to(root) if candidate.is_relative_to(root) else candidate
            return Found(candidate, str(shown), is_stored=False)
    looked = " and ".join(str(folder) for folder in folders)
    raise TaskFailed(f"No notebook at '{path}' (looked in {looked})")


def place_of(path: str, folders: Sequence[Path]) -> Path | None:
    """The first file of that path below one of some folders."""
    for folder in folders:
        candidate = (folder / path).resolve()
        if candidate.is_file() and any(candidate.is_relative_to(f.resolve()) for f in folders):
            return candidate
    return None
