"""Where a workspace lies: found by design, made on the first write."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from flowbook.errors import WorkspaceError

VERSION = 1
"""The layout of `.flowbook/`; a workspace of a newer one is refused."""

IGNORED = "*\n!.gitignore\n!config.yml\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace's root and the paths that follow from it; nothing is made before `create`."""

    root: Path

    @property
    def flows(self) -> Path:
        return self.root / "flows"

    @property
    def internal(self) -> Path:
        return self.root / ".flowbook"

    @property
    def marker(self) -> Path:
        return self.internal / "workspace.json"

    @property
    def database(self) -> Path:
        return self.internal / "flowbook.duckdb"

    @property
    def storage(self) -> Path:
        return self.internal / "storage"

    @property
    def namespaces(self) -> Path:
        return self.internal / "namespaces"

    @property
    def config(self) -> Path:
        return self.internal / "config.yml"

    @property
    def secret_key(self) -> Path:
        return self.internal / "secret.key"

    @property
    def runtime(self) -> Path:
        """Sockets and locks: in Jupyter's runtime directory, short enough for a socket's 107 bytes."""
        digest = hashlib.blake2b(os.fsencode(self.root.resolve()), digest_size=8).hexdigest()
        return _short(_jupyter_runtime()) / f"flowbook-{digest}"

    @property
    def exists(self) -> bool:
        return self.marker.is_file()

    @property
    def id(self) -> str:
        """The workspace's id; empty as long as it doesn't exist."""
        return str(self._marked().get("id", "")) if self.exists else ""

    def check(self) -> None:
        """Refuse a workspace that a newer flowbook made; it is left untouched.

        Raises: WorkspaceError.
        """
        if not self.exists:
            return
        version = self._marked().get("version")
        if not isinstance(version, int) or version > VERSION:
            raise WorkspaceError(
                f"The workspace {self.root} was made by a newer flowbook (layout {version}, this one "
                f"knows {VERSION}). Nothing was changed. Upgrade with: pip install --upgrade flowbook"
            )

    def create(self) -> Place:
        """Make what is missing; an existing workspace stays as it is.

        One that this call makes is trusted only if its `flows/` holds nothing: see `trust.py`.

        Raises: WorkspaceError.
        """
        self.check()
        if self.exists:
            return self
        was_empty = not self.flows.is_dir() or next(self.flows.rglob("*.y*ml"), None) is None
        try:
            self.storage.mkdir(parents=True, exist_ok=True)
            ignore = self.internal / ".gitignore"
            if not ignore.exists():
                ignore.write_text(IGNORED)
            made = self._mark({"id": str(uuid.uuid4()), "version": VERSION})
        except OSError as error:
            raise WorkspaceError(f"The workspace {self.root} can't be made: {error}") from error
        if made and was_empty:
            from .trust import trust

            trust(self)
        return self

    def _mark(self, content: dict[str, object]) -> bool:
        """Write the marker whole or not at all; False if another process was first."""
        draft = self.internal / f".workspace.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        draft.write_text(json.dumps(content) + "\n")
        try:
            os.link(draft, self.marker)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def _marked(self) -> dict[str, object]:
        try:
            content = json.loads(self.marker.read_text())
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"{self.marker} can't be read: {error}") from error
        if not isinstance(content, dict):
            raise WorkspaceError(f"{self.marker} should hold an object with id and version")
        return content


def find(start: Path | None = None, jupyter_root: Path | None = None) -> Place:
    """The workspace of a folder: `FLOWBOOK_HOME`, else the nearest one at or above, else a new one's place."""
    home = os.environ.get("FLOWBOOK_HOME")
    if home:
        return Place(Path(home).expanduser().resolve())
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        place = Place(candidate)
        if place.exists:
            return place
    return Place((jupyter_root or folder).resolve())


def named(path: Place | Path | str | None) -> Place:
    """The workspace of exactly this folder; of where one stands if none is named."""
    if isinstance(path, Place):
        return path
    return find() if path is None else Place(Path(path).expanduser().resolve())


def _jupyter_runtime() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _short(folder: Path) -> Path:
    """The folder, or one of this user's under the temporary directory when a socket there has no room."""
    if len(os.fsencode(folder)) <= 66:
        return folder
    import tempfile

    digest = hashlib.blake2b(os.fsencode(folder), digest_size=4).hexdigest()
    short = Path(tempfile.gettempdir()) / f"flowbook-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.getuid():
        raise WorkspaceError(
            f"{short} belongs to another user; set JUPYTER_RUNTIME_DIR to a shorter path"
        )
    short.chmod(0o700)
    return short
