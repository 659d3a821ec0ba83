"""Files of the storage read line by line, and written anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from uuid import uuid4

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Json


def lines_of(path: Path) -> Iterator[str]:
    """The lines that aren't blank, without their ends."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            if line.strip():
                yield line.rstrip("\n")


def row_of(line: str) -> dict[str, Json]:
    """A record's fields; one that is no map has its value under `value`."""
    try:
        value = json.loads(line)
    except ValueError:
        raise TaskFailed(f"A line of the file is no JSON: {line[:200]}") from None
    return value if isinstance(value, dict) else {"value": value}


async def put_lines(context: Context, lines: Iterable[str], name: str) -> str:
    """Store a file of lines; its URI."""
    path = context.run_folder / uuid4().hex
    with path.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    uri = await context.put(path, name)
    path.unlink(missing_ok=True)
    return uri


def name_of(uri: str, ending: str | None = None) -> str:
    """A file's name by its URI, with another ending if asked for."""
    name = PurePosixPath(uri).name or "file"
    return name if ending is None else PurePosixPath(name).stem + ending
