"""Kernels from the keeper, where they can be had; else started as usual."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import Any

from ..clock import SystemClock
from ..elected import Seat
from .keeper import LARGEST
from .stock import Ended, Kernel, StockKernel, is_ipykernel

RECENT = 600.0
"""Seconds within which a second notebook makes a keeper worth its start."""


class WarmKernel:
    """A forked kernel, lent by the keeper for as long as our connection lasts."""

    interrupts_by_message = False

    def __init__(
        self,
        pid: int,
        connection: Mapping[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.pid = pid
        self.connection = connection
        self._writer = writer
        self._end = asyncio.create_task(self._watch(reader))

    async def _watch(self, reader: asyncio.StreamReader) -> Ended:
        line = await _line(reader)
        if line:
            return Ended(json.loads(line)["exit"])
        # the keeper is gone and the kernel went with it, but not what the kernel had started
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return Ended(-signal.SIGKILL)

    async def ended(self) -> Ended:
        return await asyncio.shield(self._end)

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def _signal(self, number: int) -> None:
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await asyncio.shield(self._end)
        self._writer.close()


class Warm:
    """Lends kernels from the keeper that holds the seat, and sees to it that there is one."""

    def __init__(self, seat: Seat, *, idle: float | None = None) -> None:
        self._seat = seat
        self._idle = idle

    async def take(
        self, spec: Any, name: str, *, cwd: Path, env: Mapping[str, str], log: Path
    ) -> Kernel:
        """A kernel nobody has used: a forked one, or one started now."""
        if can_fork(spec, env) and not (cwd / "matplotlibrc").exists():
            found = await self._lent(cwd, env, log)
            if found is not None:
                return found
        return await StockKernel.start(spec, name, cwd=cwd, env=env, log=log)

    async def _lent(self, cwd: Path, env: Mapping[str, str], log: Path) -> WarmKernel | None:
        order = {
            "ask": "kernel",
            "cwd": str(cwd),
            "env": dict(env),
            "log": str(log),
            "umask": _umask(),
            "argv0": _launcher(),
            "connection_file": str(log.with_name("kernel.json")),
        }
        asked = await self._ask(order)
        if asked is None:
            return None
        answer, reader, writer = asked
        if "pid" not in answer:
            writer.close()
            return None
        return WarmKernel(answer["pid"], answer["connection"], reader, writer)

    async def warm(self, env: Mapping[str, str]) -> int:
        """Wait until standbys are ready; how many."""
        self.ensure()
        clock = SystemClock()
        for _ in range(200):
            asked = await self._ask({"ask": "warm", "env": dict(env)})
            if asked is not None:
                asked[2].close()
                return int(asked[0].get("standbys", 0))
            await clock.until(clock.now() + timedelta(seconds=0.05))
        return 0

    async def listed(self) -> Mapping[str, Any] | None:
        """What the keeper holds; `None` if there is no keeper."""
        asked = await self._ask({"ask": "list"}, start=False)
        if asked is None:
            return None
        asked[2].close()
        return asked[0]

    async def end(self) -> bool:
        """End the keeper and all of its kernels; whether there was one."""
        asked = await self._ask({"ask": "end"}, start=False)
        if asked is None:
            return False
        with contextlib.suppress(ConnectionError):
            await asked[1].read()
        asked[2].close()
        clock = SystemClock()
        for _ in range(1000):  # its last act is to tidy up
            if not self._seat.is_held():
                break
            await clock.until(clock.now() + timedelta(seconds=0.01))
        return True

    def ensure(self) -> None:
        """Start a keeper unless there is one."""
        if sys.platform == "linux" and not self._seat.is_held():
            idle = [] if self._idle is None else [str(self._idle)]
            self._seat.start("flowbook.kernels", str(self._seat.folder), *idle)

    def _was_asked_lately(self) -> bool:
        """Whether this is not the first notebook here: a single one isn't worth a keeper."""
        mark = self._seat.folder / "kernels.asked"
        try:
            recent = time.time() - mark.stat().st_mtime < RECENT
        except FileNotFoundError:
            recent = False
        self._seat.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch(mode=0o600)
        return recent

    async def _ask(
        self, question: Mapping[str, Any], *, start: bool = True
    ) -> tuple[dict[str, Any], asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            reader, writer = await asyncio.open_unix_connection(
                str(self._seat.socket), limit=LARGEST
            )
        except OSError:
            if start and self._was_asked_lately():
                self.ensure()
            return None
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            await writer.drain()
            line = await _line(reader)
            if line:
                return json.loads(line), reader, writer
        except ConnectionError:
            pass
        except BaseException:
            writer.close()
            raise
        writer.close()
        return None


def can_fork(spec: Any, env: Mapping[str, str]) -> bool:
    """Whether a kernel of this spec may be forked from the zygote: the usual ipykernel of our own Python."""
    argv = list(spec.argv)
    return (
        sys.platform == "linux"
        and is_ipykernel(spec)
        and not spec.env
        and argv[1:] == ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
        and (argv[0] in ("python", f"python{sys.version_info[0]}") or argv[0] == sys.executable)
        and not (spec.metadata or {}).get("kernel_provisioner")
        and not _has_own_startup(env)
    )


def _has_own_startup(env: Mapping[str, str]) -> bool:
    """Whether IPython runs code of the user's or reads options at a kernel's start."""
    home = Path(env.get("IPYTHONDIR") or Path(env.get("HOME") or "~").expanduser() / ".ipython")
    profile = home / "profile_default"
    if any((profile / name).exists() for name in ("ipython_config.py", "ipython_kernel_config.py")):
        return True
    return any(file.suffix in (".py", ".ipy") for file in (profile / "startup").glob("*"))


def _umask() -> int:
    """Read, not set and put back: other threads make files meanwhile."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022


def _launcher() -> str:
    found = find_module("ipykernel_launcher")
    return found.origin if found is not None and found.origin else "ipykernel_launcher"


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except (ConnectionError, ValueError):
        return b""
