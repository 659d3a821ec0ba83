"""Fresh stock kernels that wait in the keeper: of other languages, and of Python where it isn't forked.

Theory of operation. A kernel that was asked for twice is likely to be asked for again: the next one is
started ahead. What a process is given at its start can't be changed afterwards, so a waiting kernel is
lent only for the same command line, environment, folder and umask; what differs from one attempt to the next
(`FLOWBOOK_RUN`, the log) are links that are laid when it is lent. The kernel of our own Python takes
another environment and folder before its first cell, as a forked one does, so there only what is
read at a process's start has to be the same.

Whatever waits has run no code of anybody. It ends when nobody has asked for its like for a while, when
others need the room or the memory, or when packages have been installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .client import KernelClient
from .environment import fixed, packages
from .lease import Lease, start
from .lot import memory
from .slots import available

AHEAD = 2
"""Kernels of one kind that wait."""
MOST = 6
"""Kernels that wait in all."""
UNUSED = 600.0
"""Seconds after which kernels end whose like nobody has asked for."""
SHARE = 0.1
"""The part of the machine's memory that waiting kernels may take."""
LEAST_LEFT = 600 * 2**20
"""Bytes that must be available before one more is started ahead."""
STARTS = 60.0
"""Seconds a kernel has to answer."""
_PASSING = ("FLOWBOOK_RUN", "JPY_PARENT_PID", "PWD", "OLDPWD", "_")
"""Variables that differ from attempt to attempt, or that no kernel reads."""


@dataclass(slots=True)
class Waiting:
    """A kernel that nobody has used."""

    lease: Lease
    folder: Path
    env: Mapping[str, str]
    """What it was started with."""
    ready: asyncio.Task[bool]
    """Whether it has answered."""


@dataclass(slots=True)
class Shelf:
    """Kernels that can stand in for each other."""

    order: Mapping[str, Any]
    """How another one is started."""
    packages: object
    asked: float
    times: int = 0
    waiting: list[Waiting] = field(default_factory=list)


class Pool:
    """The waiting kernels of a workspace."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelves: dict[str, Shelf] = {}

    async def take(self, order: Mapping[str, Any]) -> Lease | None:
        """A kernel that waited, now as if started by this order; `None` if there is none."""
        if not order["ahead"]:
            return None
        shelf = self._shelf(order)
        shelf.times += 1
        shelf.asked = asyncio.get_running_loop().time()
        try:
            while shelf.waiting:
                waiting = shelf.waiting.pop(0)
                await asyncio.wait({waiting.ready})
                if _is_ready(waiting) and not waiting.lease.ended.is_set():
                    with contextlib.suppress(OSError, ConnectionError, TimeoutError):
                        await _adapt(waiting, order)
                        waiting.lease.folders.append(order["folder"])
                        return waiting.lease
                self._end(waiting)
            return None
        finally:
            if shelf.times > 1:
                self._fill(shelf, AHEAD)

    async def warm(self, order: Mapping[str, Any]) -> int:
        """Start kernels for orders like this ahead; how many wait."""
        shelf = self._shelf(order)
        shelf.asked = asyncio.get_running_loop().time()
        self._fill(shelf, AHEAD)
        if starting := {waiting.ready for waiting in shelf.waiting}:
            await asyncio.wait(starting)
        return sum(_is_ready(waiting) for waiting in shelf.waiting)

    def _shelf(self, order: Mapping[str, Any]) -> Shelf:
        key, installed = _key(order), packages() if order["adapts"] else None
        shelf = self._shelves.get(key)
        if shelf is not None and shelf.packages == installed:
            return shelf
        if shelf is not None:
            self._clear(key)
        self._shelves[key] = Shelf(order, installed, asyncio.get_running_loop().time())
        return self._shelves[key]

    def _fill(self, shelf: Shelf, count: int) -> None:
        for _ in range(count - len(shelf.waiting)):
            if not self._has_room():
                return
            try:
                shelf.waiting.append(_started(shelf.order, self._folder))
            except OSError:
                return

    def _has_room(self) -> bool:
        waiting = [one for shelf in self._shelves.values() for one in shelf.waiting]
        return len(waiting) < MOST and available() > LEAST_LEFT

    def tidy(self) -> None:
        """End what has died, isn't asked for any more, or takes too much memory."""
        now = asyncio.get_running_loop().time()
        for key, shelf in list(self._shelves.items()):
            for waiting in [one for one in shelf.waiting if one.lease.ended.is_set()]:
                shelf.waiting.remove(waiting)
                self._end(waiting)
            if now - shelf.asked > UNUSED:
                self._clear(key)
        limit = SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        by_age = sorted(self._shelves, key=lambda key: self._shelves[key].asked)
        while by_age and self._bytes() > limit:
            self._clear(by_age.pop(0))

    def _bytes(self) -> int:
        return sum(int(row["memory"]) for row in self.rows())

    def _clear(self, key: str) -> None:
        for waiting in self._shelves.pop(key).waiting:
            self._end(waiting)

    def close(self) -> None:
        """End all that wait."""
        for key in list(self._shelves):
            self._clear(key)

    def _end(self, waiting: Waiting) -> None:
        waiting.ready.cancel()
        waiting.lease.stop()
        waiting.lease.tidy()

    def rows(self) -> list[dict[str, Any]]:
        """What waits, by kind."""
        return [
            {
                "kernel": shelf.order["kernel"],
                "language": shelf.order["language"],
                "ready": sum(_is_ready(one) for one in shelf.waiting),
                "cwd": None if shelf.order["adapts"] else shelf.order["cwd"],
                "memory": sum(memory(one.lease.pid) for one in shelf.waiting),
            }
            for shelf in self._shelves.values()
            if shelf.waiting
        ]


def _is_ready(waiting: Waiting) -> bool:
    return waiting.ready.done() and not waiting.ready.cancelled() and waiting.ready.result()


def _key(order: Mapping[str, Any]) -> str:
    """The same for orders whose kernels can stand in for each other."""
    argv = [part.replace(order["folder"], "") for part in order["argv"]]
    env = {name: value for name, value in order["env"].items() if name not in _PASSING}
    if order["adapts"]:
        return json.dumps([argv, fixed(env)])
    return json.dumps([argv, env, order["cwd"], order["umask"]], sort_keys=True)


def _started(order: Mapping[str, Any], folder: Path) -> Waiting:
    """Start one more kernel as an order says, with sockets and key of its own. Raises `OSError`."""
    own = Path(tempfile.mkdtemp(prefix="p-", dir=folder))
    connection = {
        **order["connection"],
        "ip": str(own / "k"),
        "key": uuid.uuid4().hex,
    }
    file = own / "k.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(connection))
    env = {**order["env"], "FLOWBOOK_RUN": str(own / "run")}
    lease, _ = start(
        {
            **order,
            "argv": [part.replace(order["folder"], str(own)) for part in order["argv"]],
            "env": env,
            "cwd": "/" if order["adapts"] else order["cwd"],
            "log": str(own / "kernel.log"),
            "connection": connection,
            "folder": str(own),
        }
    )
    return Waiting(lease, own, env, asyncio.create_task(_answers(lease)))


async def _answers(lease: Lease) -> bool:
    """Whether a kernel that was started says that it is there."""
    try:
        async with asyncio.timeout(STARTS), KernelClient(lease.connection) as client:
            ready = asyncio.create_task(client.ready())
            ended = asyncio.create_task(lease.ended.wait())
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            for one in (ready, ended):
                one.cancel()
            return ready.done() and not lease.ended.is_set()
    except (OSError, TimeoutError):
        return False


async def _adapt(waiting: Waiting, order: Mapping[str, Any]) -> None:
    """Make a kernel one that was started by this order."""
    log = Path(order["log"])
    log.unlink(missing_ok=True)
    log.symlink_to(waiting.folder / "kernel.log")
    if run := order["env"].get("FLOWBOOK_RUN"):
        (waiting.folder / "run").symlink_to(run)
        waiting.lease.marks.append(run)
    if order["adapts"]:
        told = {name: order[name] for name in ("env", "cwd", "umask")} | {"had": waiting.env}
        async with asyncio.timeout(STARTS), KernelClient(waiting.lease.connection) as client:
            await client.ready()
            await client.execute(_ADAPT.format(told=told), store_history=False)


_ADAPT = """
def __flowbook(told):
    import os, sys, time
    own = {{name: value for name, value in os.environ.items() if told["had"].get(name) != value}}
    os.environ.clear()
    os.environ.update(told["env"] | own)
    os.umask(told["umask"])
    os.chdir(told["cwd"])
    time.tzset()
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None
    _dh[:] = [type(_dh[0])(told["cwd"])]
__flowbook({told!r})
del __flowbook
"""
"""What a forked kernel is told too, see `forked.py`."""
