"""The keeper's hold on one kernel process, wherever that came from."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .stock import readable_end
from .strays import end_marked

_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Lease:
    """A kernel in the hands of a host, or parked."""

    pid: int = 0
    connection: Mapping[str, Any] = field(default_factory=dict)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    code: int | None = None
    stop: Callable[[], None] = lambda: None
    """Kills its process and those it started."""
    marks: list[str] = field(default_factory=list)
    """Folders of attempts that the environment of what it starts may name."""
    folders: list[str] = field(default_factory=list)
    """Removed once it has ended: what it may still read."""

    def end(self, code: int | None) -> None:
        """It has ended."""
        self.code = code
        self.ended.set()

    async def end_strays(self) -> None:
        """End what it started and has left behind."""
        for mark in self.marks:
            await asyncio.to_thread(end_marked, mark)

    def tidy(self) -> None:
        """Remove what was kept for it."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
        self.folders.clear()


def start(order: Mapping[str, Any]) -> tuple[Lease, asyncio.Task[None]]:
    """Start a kernel by its command line (`argv env cwd log umask connection folder`), and what ends
    with it. Raises `OSError`.

    It is a child of this process and dies with it.
    """
    with Path(order["log"]).open("ab") as log:
        process = subprocess.Popen(
            order["argv"],
            env={**order["env"], "JPY_PARENT_PID": str(os.getpid())},
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=order["umask"],
            preexec_fn=_dying_with(os.getpid()),
        )

    def stop() -> None:
        if process.returncode is None:
            _kill_group(process.pid)

    lease = Lease(process.pid, order["connection"], stop=stop, folders=[order["folder"]])
    lease.marks += filter(None, [order["env"].get("FLOWBOOK_RUN")])
    return lease, asyncio.create_task(_watch(process, lease))


async def _watch(process: subprocess.Popen[bytes], lease: Lease) -> None:
    if hasattr(os, "pidfd_open"):
        await readable_end(process.pid)
        _kill_group(process.pid)  # what it left behind; its number is its own until it is reaped
        code = process.wait()
        await lease.end_strays()
        lease.end(code)
    else:
        lease.end(await asyncio.to_thread(process.wait))


def _dying_with(parent: int) -> Callable[[], None] | None:
    """What a child does first, so that it dies with its parent."""
    if sys.platform != "linux":
        return None
    import ctypes

    library = ctypes.CDLL(None)

    def ask() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
