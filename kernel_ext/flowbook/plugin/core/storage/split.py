"""`core.storage.Split`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask

from .records import name_of


class Split(RunnableTask):
    """Split a stored file into several: by what rows hold, by bytes, into so many parts, or by rows."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.storages.Split",)

    from_: Dynamic[str] = Field(alias="from")
    """The file."""
    bytes: Dynamic[str | None] = None
    """A part that has so many bytes is full: `10KB` are 10 × 1024."""
    partitions: Dynamic[int | None] = None
    """How many parts; rows go to them in turn."""
    rows: Dynamic[int | None] = None
    """The most rows of a part."""
    regex_pattern: Dynamic[str | None] = None
    """One part for each text that the first group of this pattern finds; other rows are left out."""
    separator: Dynamic[str] = "\n"
    """What stands between two rows."""

    async def run(self, context: Context) -> dict[str, Json]:
        uri = await context.render(self.from_)
        separator = await context.render(self.separator)
        size = size_of(await context.render(self.bytes))
        partitions, rows = await context.render(self.partitions), await context.render(self.rows)
        pieces = rows_of(await context.fetch(uri), separator)
        parts = parted(pieces, size, partitions, rows, await context.render(self.regex_pattern))
        name = name_of(uri)
        return {
            "uris": [
                await context.put("".join(part).encode(), f"{number}-{name}")
                for number, part in enumerate(parts)
                if part
            ]
        }


SIZE = re.compile(r"\s*(\d+)\s*(?:([kmgt])i?)?b?\s*", re.IGNORECASE)


def size_of(given: str | None) -> int | None:
    """The bytes of `500`, `10KB` or `2 MB`, a thousand of which has 1024."""
    if given is None:
        return None
    if found := SIZE.fullmatch(str(given)):
        power = " kmgt".index((found[2] or " ").lower())
        return int(found[1]) * int(1024**power)
    raise TaskFailed(f"Invalid size with value '{given}': write it like 10KB or 5MB")


def parted(
    pieces: Iterator[str],
    size: int | None,
    partitions: int | None,
    rows: int | None,
    pattern: str | None = None,
) -> Iterator[list[str]]:
    """Rows in groups: by a pattern, of so many bytes, in so many groups, else of so many rows."""
    if pattern:
        return iter(_by_pattern(pieces, pattern))
    if size:
        return _by_bytes(pieces, size)
    if partitions:
        return iter(_in_turn(pieces, partitions))
    if rows:
        return _by_rows(pieces, rows)
    raise TaskFailed("Invalid configuration with no size, count, nor rows")


def rows_of(path: Path, separator: str) -> Iterator[str]:
    """The rows of a file, each with the separator behind it."""
    text = path.read_text("utf-8", "replace")
    for row in text.removesuffix(separator).split(separator) if text else ():
        yield row + separator


def _by_rows(rows: Iterator[str], most: int) -> Iterator[list[str]]:
    part: list[str] = []
    for row in rows:
        part.append(row)
        if len(part) == most:
            yield part
            part = []
    yield part


def _by_bytes(rows: Iterator[str], most: int) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for row in rows:
        if part and size >= most:
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row.encode())
    yield part


def _by_pattern(rows: Iterator[str], pattern: str) -> list[list[str]]:
    import regex

    try:
        compiled = regex.compile(pattern)
        parts: dict[str, list[str]] = {}
        for row in rows:
            found = compiled.search(row, timeout=1)
            if found is not None and compiled.groups:
                parts.setdefault(found[1] or "", []).append(row)
    except (regex.error, TimeoutError) as error:
        raise TaskFailed(f"The pattern '{pattern}' can't be used: {error}") from None
    return list(parts.values())


def _in_turn(rows: Iterator[str], count: int) -> list[list[str]]:
    parts: list[list[str]] = [[] for _ in range(count)]
    for number, row in enumerate(rows):
        parts[number % count].append(row)
    return parts


BATCHES = Example(
    title="Batches of two rows",
    logs=("3 files",),
    flow="""
id: batches-of-two
namespace: demo
tasks:
  - {id: file, type: io.kestra.plugin.core.storage.Write, content: "1\\n2\\n3\\n4\\n5\\n"}
  - {id: split, type: io.kestra.plugin.core.storage.Split, from: "{{ outputs.file.uri }}", rows: 2}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.split.uris | length }} files"}
""",
)
