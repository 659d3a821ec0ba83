"""The files of a namespace, as tasks see them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from flowbook.errors import TaskFailed
from flowbook.kinds.context import Context
from flowbook.plugin.globs import rooted, spread


def root_of(context: Context, namespace: str | None) -> Path:
    """The folder of a namespace's files, there or not; of the flow's own without a name."""
    namespace = context.namespace if namespace is None else namespace
    if not namespace or "/" in namespace or namespace.startswith(".") or ".." in namespace:
        raise TaskFailed(f"'{namespace}' is no namespace")
    root: Path = context.engine.place.namespaces / namespace
    return root


def inside(root: Path, name: str) -> Path:
    """A file below the folder. Raises `TaskFailed` for a name that leads out."""
    path = PurePosixPath(name.lstrip("/"))
    if not path.parts or ".." in path.parts:
        raise TaskFailed(f"'{name}' leads out of the namespace's files")
    target = root / path
    if not target.resolve().is_relative_to(root.resolve()):
        raise TaskFailed(f"'{name}' leads out of the namespace's files")
    return target


def matching(root: Path, patterns: Sequence[str]) -> list[str]:
    """Names of the files that any of the patterns says; one without a folder matches anywhere."""
    if not root.is_dir():
        return []
    names = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    return [name for name in names if any(matches(name, pattern) for pattern in patterns)]


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern says a file: `*.py`, `src/**`, `/a/b.txt` (from the root), `regex:…`."""
    if pattern.startswith("regex:"):
        import regex

        return regex.fullmatch(pattern.removeprefix("regex:"), name, timeout=1) is not None
    from_root = pattern.startswith(("glob:", "/"))
    return any(
        _matches(name, one, from_root=from_root) for one in spread(pattern.removeprefix("glob:"))
    )


def _matches(name: str, pattern: str, *, from_root: bool) -> bool:
    if name.startswith(pattern.strip("/") + "/"):
        return True
    if from_root:
        return rooted(pattern).fullmatch(f"/{name}") is not None
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")
