"""What is durable before the tables have it: entries in a file beside the history, synced one by one.

Theory of operation. A commit of DuckDB takes a millisecond, nearly all of it for planning the insert;
some kilobytes behind the last ones in a file take a tenth of that. So what was appended is durable here
first, and the projection brings many entries into the tables at once (`project.py`), with the `seq` it has
come to in the same transaction: no entry is lost and none is taken twice. The file is written over from
its beginning when the tables have all of it. Each entry names the `seq` before it, so what an older round
has left behind the last one is never taken for its sequel, and a journal of another history is known by
the gap. Writer's thread only.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import frames
from .blocks import Tables

LARGE = 16 << 20
"""Bytes from which the tables should have it all before anything is added."""
_HEAD = struct.Struct(">II")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows of one commit by table; `seq` is the last they cover, `before` that of the commit before."""

    before: int
    seq: int
    tables: Tables


class Journal:
    """`seq` is what the last entry covers, `size` how many bytes there are since the file was begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = self.seq = 0
        self._file: int | None = None

    def add(self, entry: Entry) -> None:
        """Make an entry durable. Raises: OSError; then it is not in the journal."""
        body = frames.body([entry.before, entry.seq, entry.tables])
        head = _HEAD.pack(len(body), zlib.crc32(body))
        if self._file is None:
            self._file = _made(self.path)
        try:
            _write(self._file, head + body, self.size)
            _sync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                _write(self._file, bytes(_HEAD.size), self.size)
            raise
        self.size += len(head) + len(body)
        self.seq = entry.seq

    def entries(self) -> Iterator[Entry]:
        """What an earlier keeper has added; an entry that a crash has cut short isn't one."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            last = 0
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                length, check = _HEAD.unpack(head)
                body = file.read(length)
                if not length or len(body) < length or zlib.crc32(body) != check:
                    return
                entry = Entry(*frames.unpack(body))
                if entry.before < last:
                    return
                yield entry
                last = entry.seq

    def start_over(self) -> None:
        """What is added next is written over the rest: the tables have it."""
        self.size = 0

    def set_aside(self) -> None:
        """Keep the file of another history under another name."""
        other = self.path.with_name(f"{self.path.name}.other")
        _log.error("%s is not of this history; it is kept as %s", self.path, other)
        os.replace(self.path, other)

    def close(self, *, needed: bool) -> None:
        """Close the file; it goes unless it is `needed` when the history is opened again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if not needed:
            self.path.unlink(missing_ok=True)


def _made(path: Path) -> int:
    """The file, opened; a new one is in its folder for good."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return file


def _write(file: int, data: bytes, at: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, at)
        rest, at = rest[written:], at + written


_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the latter only
