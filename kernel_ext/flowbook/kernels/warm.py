"""Kernels from the keeper, where they can be had; else started as usual."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import Any

from ..clock import SystemClock
from ..elected import Seat
from ..errors import NotFound
from .keeper import LARGEST
from .lent import HeldKernel, WarmKernel, line_of
from .stock import Kernel, StockKernel, command, find_spec, is_ipykernel

PATIENCE = 200
"""Looks for a keeper that was started, twenty a second."""
RECENT = 600.0
"""Seconds within which a second notebook makes a keeper worth its start."""


class Warm:
    """Lends kernels from the keeper that holds the seat, and sees to it that there is one."""

    def __init__(self, seat: Seat, *, idle: float | None = None, fork: bool | None = None) -> None:
        """`fork`: whether Python's are forked where they can be; if not, stock kernels wait.

        Forked unless this process's environment says `FLOWBOOK_KERNELS=stock`.
        """
        self._seat = seat
        self._idle = idle
        stock = os.environ.get("FLOWBOOK_KERNELS", "").lower() == "stock"
        self._fork = not stock if fork is None else fork

    async def take(
        self,
        spec: Any,
        name: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        parks: bool = False,
    ) -> Kernel:
        """A kernel nobody has used: a forked one, or one started now; one that `parks` by the keeper."""
        forks = self._fork and can_fork(spec, env)
        if forks and not (cwd / "matplotlibrc").exists():
            found = await self._lent(cwd, env, log)
            if found is not None:
                return found
        if not (spec.metadata or {}).get("kernel_provisioner"):
            held = None
            if parks or self._seat.is_held():
                order = await self._order(spec, name, cwd, env, log, ahead=not forks)
                held = await self._held(order, by_message=spec.interrupt_mode == "message")
            elif self._was_asked_lately():
                self.ensure()
            if held is not None:
                return held
        return await StockKernel.start(spec, name, cwd=cwd, env=env, log=log)

    async def _held(self, order: Mapping[str, Any], *, by_message: bool) -> HeldKernel | None:
        """A kernel that waits in the keeper, or that it starts; the keeper is started for it if need be."""
        asked = await self._asked({"ask": "start", **order})
        if asked is None or "pid" not in asked[0]:
            shutil.rmtree(order["folder"], ignore_errors=True)
            if asked is not None:
                asked[2].close()
            return None
        answer, reader, writer = asked
        mark = order["env"].get("FLOWBOOK_RUN")
        return HeldKernel(
            answer["pid"],
            answer["connection"],
            reader,
            writer,
            mark,
            interrupts_by_message=by_message,
        )

    async def _order(
        self,
        spec: Any,
        name: str,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        *,
        ahead: bool,
    ) -> dict[str, Any]:
        """All that the keeper needs to start a kernel; `ahead`: to find one that waits, and start the next."""
        return {
            **await command(spec, name, cwd=cwd, env=env, log=log),
            "umask": _umask(),
            "kernel": name,
            "language": spec.language,
            "adapts": is_usual(spec, env),
            "ahead": ahead,
        }

    async def resume(self, key: str) -> tuple[HeldKernel, Mapping[str, Any]] | None:
        """The kernel parked for a task run, ours again, and what was said of it; `None` if it is gone."""
        asked = await self._ask({"ask": "resume", "key": key}, start=False)
        if asked is None:
            return None
        answer, reader, writer = asked
        if "pid" not in answer:
            writer.close()
            return None
        by_message = bool(answer["order"].get("interrupts_by_message"))
        kernel = HeldKernel(
            answer["pid"], answer["connection"], reader, writer, interrupts_by_message=by_message
        )
        kernel.was_parked = True
        return kernel, answer

    async def parked(self, key: str) -> Mapping[str, Any] | None:
        """The kernel parked for a task run (`parked connection`), or what became of it (`gone`)."""
        return await self._answer({"ask": "parked", "key": key})

    async def end_parked(self, ids: Sequence[str] | None = None) -> int:
        """End parked kernels, all of them unless some are named; how many there were."""
        found = await self._answer({"ask": "end parked", "ids": None if ids is None else list(ids)})
        return 0 if found is None else int(found["ended"])

    async def end_named(self, names: Sequence[str]) -> int:
        """End the parked kernels whose ids begin so; how many. Raises `NotFound`."""
        parked = [one["id"] for one in (await self.listed() or {}).get("parked", ())]
        wanted: list[str] = []
        for name in names:
            found = [one for one in parked if one.startswith(name)]
            if len(found) != 1:
                known = ", ".join(one[:6] for one in parked) or "none is parked"
                which = "more than one" if found else "no"
                raise NotFound(f"There is {which} parked kernel '{name}': {known}")
            wanted += found
        return await self.end_parked(wanted)

    async def _answer(self, question: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the keeper answers; `None` if there is no keeper."""
        asked = await self._ask(question, start=False)
        if asked is None:
            return None
        asked[2].close()
        return asked[0]

    async def _asked(
        self, question: Mapping[str, Any]
    ) -> tuple[dict[str, Any], asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Ask the keeper, which is started and waited for if need be."""
        clock = SystemClock()
        started = None
        for _ in range(PATIENCE):
            if (found := await self._ask(question, start=False)) is not None:
                return found
            if started is not None and started.poll():
                return None  # it can't be started here: its log says why
            started = self.ensure() or started
            await clock.until(clock.now() + timedelta(seconds=0.05))
        return None

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
        mark = env.get("FLOWBOOK_RUN")
        return WarmKernel(answer["pid"], answer["connection"], reader, writer, mark)

    async def warm(self, env: Mapping[str, str]) -> int:
        """Wait until standbys are ready; how many."""
        spec = find_spec("python3")
        question: dict[str, Any] = {"ask": "warm", "env": dict(env)}
        if not (self._fork and can_fork(spec, env)):
            nowhere = Path(os.devnull)
            order = await self._order(spec, "python3", Path("/"), env, nowhere, ahead=True)
            question = {"ask": "warm stock", **order}
        asked = await self._asked(question)
        if asked is None:
            return 0
        asked[2].close()
        return int(asked[0].get("standbys", 0))

    async def listed(self) -> Mapping[str, Any] | None:
        """What the keeper holds; `None` if there is no keeper."""
        return await self._answer({"ask": "list"})

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

    def ensure(self) -> subprocess.Popen[bytes] | None:
        """Start a keeper unless there is one, or one is on its way."""
        if self._seat.is_held():
            return None
        idle = [] if self._idle is None else [str(self._idle)]
        return self._seat.start("flowbook.kernels", str(self._seat.folder), *idle)

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
            line = await line_of(reader)
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
    """Whether a kernel of this spec may be forked from the zygote."""
    return sys.platform == "linux" and is_usual(spec, env)


def is_usual(spec: Any, env: Mapping[str, str]) -> bool:
    """Whether it is the usual ipykernel of our own Python, without code or options of the user's."""
    argv = list(spec.argv)
    return (
        is_ipykernel(spec)
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
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022


@cache
def _launcher() -> str:
    found = find_module("ipykernel_launcher")
    return found.origin if found is not None and found.origin else "ipykernel_launcher"
