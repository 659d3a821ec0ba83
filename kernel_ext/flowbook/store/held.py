"""A workspace belongs to one machine at a time: a note beside the history says to which.

The lock of `elected.py` reaches as far as one machine does. In a shared home or a synchronised
folder another machine sees this note, which its keeper touches while it lives.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path

from flowbook.errors import WorkspaceError

TOUCH = 20.0
STALE = 120.0
"""Seconds after which a note nobody has touched counts no more."""


class Held:
    """The note of the machine whose keeper has the file open."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name("in-use.json")
        self._database = database

    def take(self) -> None:
        """Write this machine's name. Raises: WorkspaceError while another machine's is fresh."""
        machine = socket.gethostname()
        try:
            age = time.time() - self.path.stat().st_mtime
            other = json.loads(self.path.read_text())
        except (OSError, ValueError):
            age, other = STALE, {}
        if isinstance(other, dict) and other.get("machine", machine) != machine and age < STALE:
            raise WorkspaceError(
                f"The workspace {self._database.parent.parent} is in use on the machine {other['machine']!r} (process "
                f"{other.get('pid')}). A workspace belongs to one machine at a time: close it there. If that machine "
                f"is gone, wait {STALE - age:.0f} s, or remove {self.path}."
            )
        self.path.write_text(json.dumps({"machine": machine, "pid": os.getpid()}) + "\n")

    def touch(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def leave(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
