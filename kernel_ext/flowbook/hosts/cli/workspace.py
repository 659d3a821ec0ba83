"""The one workspace a command opens, and its things as rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbook.api import Workspace


@contextmanager
def opened(path: Path | None = None) -> Iterator[Workspace]:
    """The workspace of this folder (or of `path`), as long as the block lasts."""
    from flowbook.api import open as open_workspace

    with open_workspace(path, kind="cli") as workspace:
        yield workspace


def existing() -> bool:
    """Whether there is a workspace: a question must not make one."""
    from flowbook.workspace.place import find

    return find().exists
