"""Internal storage in a local folder: what is put appears whole, and no URI leads outside."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from flowbook.errors import FlowbookError, NotFound

from .uri import UriInvalid, flow_prefix, parts, slug, task_prefix, uri_of

__all__ = ["Storage", "slug", "task_prefix"]

CHUNK = 1 << 20


class Storage:
    """Files of one workspace by URI. The root is made with the first file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def task_prefix(namespace: str, flow: str, execution: str, task: str, task_run: str) -> str:
        """Where a task run puts its files."""
        return task_prefix(namespace, flow, execution, task, task_run)

    @staticmethod
    def flow_prefix(namespace: str, flow: str) -> str:
        return flow_prefix(namespace, flow)

    def put(
        self, *segments: str, source: bytes | str | Path | IO[bytes], move: bool = False
    ) -> str:
        """Store a text, bytes, a file or a stream; its URI. An existing file is replaced in one step.

        `move` takes the file away from where it is instead of copying it.
        """
        uri = uri_of(*segments)
        target = self.path(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._inside(target.parent, uri)
        if move and isinstance(source, Path) and not source.is_symlink():
            try:
                os.replace(source, target)
                return uri
            except OSError:
                pass  # another file system: copied below, then removed
        descriptor, draft = tempfile.mkstemp(prefix=".put-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _pour(source, file)
                os.fchmod(file.fileno(), 0o644)  # mkstemp makes it 0600
            os.replace(draft, target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        if move and isinstance(source, Path):
            source.unlink(missing_ok=True)
        return uri

    def path(self, uri: str) -> Path:
        """The file a URI names, whether or not it is there. Raises: UriInvalid."""
        segments = parts(uri)
        if not segments:
            raise UriInvalid(f"Invalid URI {uri!r}: it names no file")
        target = self.root.joinpath(*segments)
        self._inside(target, uri)
        return target

    def uri(self, path: Path) -> str:
        """The inverse of `path`. Raises: UriInvalid for a file elsewhere."""
        try:
            return uri_of(*path.resolve().relative_to(self.root.resolve()).parts)
        except ValueError:
            raise UriInvalid(f"{path} isn't in the storage {self.root}") from None

    def exists(self, uri: str) -> bool:
        return self.path(uri).is_file()

    def size(self, uri: str) -> int:
        """Bytes. Raises: NotFound."""
        return self._found(uri).stat().st_size

    def open(self, uri: str) -> IO[bytes]:
        """A binary stream. Raises: NotFound."""
        return self._found(uri).open("rb")

    def read(self, uri: str, limit: int | None = None) -> bytes:
        """The whole content. Raises: NotFound; FlowbookError if it has more than `limit` bytes."""
        with self.open(uri) as file:
            content = file.read() if limit is None else file.read(limit + 1)
        if limit is not None and len(content) > limit:
            raise FlowbookError(
                f"{uri} has {self.size(uri):,} bytes, more than the {limit:,} that may be read at once here; "
                "hand its URI to a task instead"
            )
        return content

    def list(self, prefix: str = "") -> list[str]:
        """URIs of all files below a prefix (segments, or a URI), sorted."""
        return sorted(self._below(prefix))

    def delete(self, uri: str) -> bool:
        """Remove a file, or everything below a URI; whether there was something."""
        target = self.path(uri)
        if target.is_symlink() or target.is_file():
            target.unlink()
        elif target.is_dir():
            shutil.rmtree(target)
        else:
            return False
        self._tidy(target.parent)
        return True

    def _below(self, prefix: str) -> Iterator[str]:
        start = self.root
        if prefix:
            start = self.path(prefix if ":/" in prefix else uri_of(prefix))
        if start.is_file():
            yield self.uri(start)
            return
        for folder, folders, files in os.walk(start):
            folders.sort()
            for name in files:
                path = Path(folder, name)
                if not name.startswith(".put-") and not path.is_symlink():
                    yield uri_of(*path.relative_to(self.root).parts)

    def _found(self, uri: str) -> Path:
        target = self.path(uri)
        if not target.is_file():
            raise NotFound(f"There is no file {uri}")
        return target

    def _inside(self, target: Path, uri: str) -> None:
        """A symbolic link on the way may point anywhere: what counts is where it ends."""
        root = self.root.resolve()
        if not target.resolve().is_relative_to(root):
            raise UriInvalid(f"Invalid URI {uri!r}: it leads out of the storage")

    def _tidy(self, folder: Path) -> None:
        while folder != self.root and folder.is_relative_to(self.root):
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def _pour(source: bytes | str | Path | IO[bytes], file: IO[bytes]) -> None:
    if isinstance(source, bytes):
        file.write(source)
    elif isinstance(source, str):
        file.write(source.encode("utf-8", "surrogateescape"))
    elif isinstance(source, Path):
        with source.open("rb") as stream:
            shutil.copyfileobj(stream, file, CHUNK)
    else:
        shutil.copyfileobj(source, file, CHUNK)
