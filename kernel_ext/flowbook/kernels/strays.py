"""Processes that outlive what started them: found, and ended.

Two ways to find them. Whatever an attempt starts carries its folder as `FLOWBOOK_RUN` in its environment.
And a process may ask to be the parent of the orphans below it (Linux's "subreaper"): each forked kernel
is while it lives, so what the zygote inherits belonged to a kernel that has ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36
_KEEPERS = (b"flowbook.store", b"flowbook.kernels")
"""Modules that serve a workspace: who starts one doesn't own it."""


def members(group: int, mark: str | None) -> set[int]:
    """Living processes of a group, and those elsewhere whose environment says they belong to it."""
    proc = Path("/proc")
    if not proc.is_dir():
        return {group} if _group_lives(group) else set()
    wanted = f"FLOWBOOK_RUN={mark}".encode() if mark else None
    found = set()
    for entry in proc.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError, ValueError, IndexError):
                after_name = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if after_name[0] in "ZX":
                    continue
                if int(after_name[2]) == group or (
                    wanted and wanted in (entry / "environ").read_bytes().split(b"\0")
                ):
                    found.add(int(entry.name))
    return found


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end_marked(mark: str | None) -> None:
    """End what was started under this `FLOWBOOK_RUN`, and what that starts meanwhile."""
    if not mark or sys.platform != "linux":
        return
    while found := members(-1, mark):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def inherit_orphans() -> None:
    """Become the parent of processes below this one whose own parent ends."""
    if sys.platform == "linux":
        library().prctl(_PR_SET_CHILD_SUBREAPER, 1)


@cache
def library() -> Any:
    """The C library."""
    import ctypes

    return ctypes.CDLL(None)


def end_orphans(own: Container[int]) -> None:
    """End the children of this process that it has inherited; whoever reaps it tells of theirs."""
    with contextlib.suppress(FileNotFoundError):
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        for pid in map(int, children.split()):
            if pid not in own and not _is_keeper(pid):
                for kill in (os.killpg, os.kill):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        kill(pid, signal.SIGKILL)


def _is_keeper(pid: int) -> bool:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return words[1:2] == [b"-m"] and words[2] in _KEEPERS
    return False
