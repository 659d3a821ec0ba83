"""The kernelkeeper: one process a workspace that holds warm kernels and lends them to hosts.

Theory of operation. It runs no user code itself. Its child, the zygote, forks Python kernels; if the
zygote ends, the next one is started. A host asks on a connection of its own for one kernel, and that
connection *is* the kernel's lease: if it closes, by whatever death of the host, the kernel is killed.
How a kernel ended comes back on the same connection. A host may instead *park* its kernel: then the
keeper holds it, see `lot.py`, and another host may take it. Kernels that can't be forked are started
by the keeper where they may be parked later: whoever starts a process is its parent for good. When
nobody has asked for a while and nothing is parked, or its folder is gone, the keeper ends, the zygote
with it, and all kernels with that.

What a fork can't change is fixed when the zygote starts: the interpreter's options, its packages and
variables that are read at a library's import. A host that wants others is refused, and starts a
kernel itself. When a package is installed, the zygote is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..clock import SystemClock
from ..ids import new_id, system_random
from .environment import fixed, packages
from .lease import Lease
from .lease import start as start_kernel
from .lot import Lot
from .pool import Pool
from .strays import end_marked
from .zygote import QUIET

IDLE = 60.0
"""Seconds without a lease or a question after which the keeper ends."""
STANDBYS = 2
LARGEST = 16 * 2**20


class Zygote:
    """The keeper's side of one zygote process."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.key = fixed(environment)
        self.packages = packages()
        self.folder = folder
        self.standbys = 0
        self.changed = asyncio.Event()
        self.ready = asyncio.Event()
        self.over = asyncio.Event()
        self.leases: dict[int, Lease] = {}
        self._waiting: dict[str, asyncio.Future[tuple[int, Mapping[str, Any]]]] = {}
        self._random = system_random()
        self._writer: asyncio.StreamWriter | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self, environment: Mapping[str, str]) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        command = [
            sys.executable,
            "-m",
            "flowbook.kernels.zygote",
            str(theirs.fileno()),
            str(STANDBYS),
        ]
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it only forks
            [*command, str(self.folder)],
            pass_fds=[theirs.fileno()],
            env=_of_nobody(environment) | QUIET | {"PYTHONPATH": _python_path(environment)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LARGEST)
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await _line(reader):
            message = json.loads(line)
            match message["event"]:
                case "ready":
                    self.ready.set()
                case "standbys":
                    self.standbys = message["ready"]
                    self.changed.set()
                case "started" | "failed" as event:
                    waiting = self._waiting.pop(message["id"], None)
                    if waiting is None or waiting.done():
                        continue
                    if event == "failed":
                        waiting.set_exception(ConnectionError("the kernel did not start"))
                    else:
                        waiting.set_result((message["pid"], message["connection"]))
                case "exit":
                    if (lease := self.leases.pop(message["pid"], None)) is not None:
                        lease.end(message["code"])
        self._end()

    def _end(self) -> None:
        self.over.set()
        self.ready.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the zygote ended"))
        for lease in self.leases.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(lease.pid, signal.SIGKILL)
            for mark in lease.marks:
                end_marked(mark)
            lease.end(-9)  # they die with their zygote; what they had started does not
        lost = len(self.leases)
        self.leases.clear()
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if lost or self._process.returncode:
                print(
                    f"zygote ended with {self._process.returncode}, and {lost} kernels with it",
                    file=sys.stderr,
                    flush=True,
                )
        shutil.rmtree(self.folder, ignore_errors=True)

    async def lend(self, lease: Lease, order: Mapping[str, Any]) -> None:
        """Start a kernel for a lease. Raises `ConnectionError`."""
        number = new_id(self._random)
        waiting: asyncio.Future[tuple[int, Mapping[str, Any]]] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiting[number] = waiting
        self._tell({"do": "start", "id": number, **order})
        lease.pid, lease.connection = await waiting
        self.leases[lease.pid] = lease

    def kill(self, lease: Lease) -> None:
        if lease.pid in self.leases:
            with contextlib.suppress(ConnectionError):  # then it is dead already
                self._tell({"do": "kill", "pid": lease.pid})

    def retire(self) -> None:
        """End with the last lease; make no more standbys."""
        self._tell({"do": "standbys", "count": 0})

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._writer is None or self.over.is_set():
            raise ConnectionError("the zygote ended")
        self._writer.write(json.dumps(message).encode() + b"\n")


class Keeper:
    """Answers hosts; see the module's theory of operation."""

    def __init__(self, folder: Path, *, idle: float = IDLE) -> None:
        self.folder = folder
        self.idle = idle
        self.sockets = Path(tempfile.mkdtemp(prefix="k-", dir=folder))
        self.current: Zygote | None = None
        self.old: list[Zygote] = []
        self.lot = Lot(folder / "parked", self._close_old)
        self.pool = Pool(self.sockets)
        self._started: list[Lease] = []
        self._clients = 0
        self._touched = 0.0
        self._stop = asyncio.Event()
        self._count = 0
        self._starting = asyncio.Lock()

    async def serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_unix_server(self._client, sock=listener, limit=LARGEST)
        watch = asyncio.create_task(self._watch())
        try:
            await self._stop.wait()
        finally:
            watch.cancel()
            server.close()
            await self._end_parked(list(self.lot.parked))
            self.pool.close()
            for zygote in [*self.old, *([self.current] if self.current else [])]:
                zygote.close()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(zygote.over.wait(), 5)
            shutil.rmtree(self.sockets, ignore_errors=True)

    def end(self) -> None:
        self._stop.set()

    async def _watch(self) -> None:
        clock, loop = SystemClock(), asyncio.get_running_loop()
        self._touched = loop.time()
        while True:
            await clock.until(clock.now() + timedelta(seconds=min(self.idle, 2.0)))
            self.lot.make_room()
            self.pool.tidy()
            if self._clients or self.lot.parked:
                self._touched = loop.time()
            if loop.time() - self._touched >= self.idle or not self.folder.is_dir():
                self.end()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            line = await _line(reader)
            if line:
                await self._answer(json.loads(line), reader, writer)
        except (ConnectionError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            self._clients -= 1
            self._touched = asyncio.get_running_loop().time()
            writer.close()

    async def _answer(
        self, asked: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match asked.get("ask"):
            case "kernel":
                await self._lend(asked, reader, writer)
            case "warm":
                zygote = await self._zygote(asked["env"])
                await zygote.ready.wait()
                while zygote.standbys < STANDBYS and not zygote.over.is_set():
                    zygote.changed.clear()
                    await zygote.changed.wait()
                _write(writer, {"standbys": zygote.standbys})
            case "list":
                _write(writer, self._listed())
            case "warm stock":
                _write(writer, {"standbys": await self.pool.warm(asked)})
            case "start":
                await self._start(asked, reader, writer)
            case "parked":
                _write(writer, self.lot.find(asked["key"]))
            case "resume":
                await self._resume(asked, reader, writer)
            case "end parked":
                names = [n for n in self.lot.parked if asked["ids"] is None or n in asked["ids"]]
                _write(writer, {"ended": await self._end_parked(names)})
            case "end":
                _write(writer, {"ended": True})
                self.end()
            case _:
                _write(writer, {"refused": f"the keeper knows no {asked.get('ask')!r}"})
        await writer.drain()

    def _listed(self) -> Mapping[str, Any]:
        current = self.current
        zygotes = [*self.old, *([current] if current else [])]
        parked = {one.lease.pid for one in self.lot.parked.values()}
        forked = {pid for zygote in zygotes for pid in zygote.leases}
        started = {lease.pid for lease in self._started if not lease.ended.is_set()}
        return {
            "pid": os.getpid(),
            "standbys": current.standbys if current else 0,
            "kernels": sorted((forked | started) - parked),
            "parked": self.lot.rows(),
            "pool": self.pool.rows(),
        }

    async def _zygote(self, environment: Mapping[str, str]) -> Zygote:
        """The zygote for what is installed now; started if need be."""
        async with self._starting:
            current = self.current
            if current is not None and not current.over.is_set():
                if current.packages == packages():
                    return current
                current.retire()
                self.old.append(current)
                self._close_old()
            self._count += 1
            self.current = Zygote(environment, self.sockets / str(self._count))
            await self.current.start(environment)
            return self.current

    def _close_old(self) -> None:
        for zygote in list(self.old):
            if not zygote.leases:
                zygote.close()
                self.old.remove(zygote)

    async def _lend(
        self, asked: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        zygote = await self._zygote(asked["env"])
        if zygote.key != fixed(asked["env"]):
            _write(writer, {"refused": "another environment"})
            return
        if not zygote.ready.is_set():
            _write(writer, {"refused": "not warm yet"})
            return
        lease = Lease(marks=[*filter(None, [asked["env"].get("FLOWBOOK_RUN")])])
        lease.stop = lambda: zygote.kill(lease)
        order = {
            name: asked[name] for name in ("cwd", "env", "log", "umask", "argv0", "connection_file")
        }
        try:
            await zygote.lend(lease, order)
            _write(writer, {"pid": lease.pid, "connection": lease.connection})
            await self._hold(lease, reader, writer)
        except ConnectionError as error:
            _write(writer, {"refused": str(error)})
        finally:
            self._close_old()

    async def _start(
        self, asked: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Lend a kernel that can't be forked: one that waits, or one started now."""
        try:
            lease = await self.pool.take(asked) or start_kernel(asked)[0]
        except OSError as error:
            _write(writer, {"refused": str(error)})
            return
        self._started = [one for one in self._started if not one.ended.is_set()] + [lease]
        _write(writer, {"pid": lease.pid, "connection": lease.connection})
        await self._hold(lease, reader, writer)

    async def _resume(
        self, asked: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Lend a parked kernel to a host that goes on with its notebook."""
        parked = self.lot.take(asked["key"])
        if parked is None:
            _write(writer, self.lot.find(asked["key"]))
            return
        lease = parked.lease
        said = {"pid": lease.pid, "connection": lease.connection, "order": parked.order}
        _write(writer, said | {"folders": lease.folders})
        await self._hold(lease, reader, writer)

    async def _hold(
        self, lease: Lease, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until the kernel has ended, its host is gone, or it is parked."""
        ended = asyncio.create_task(lease.ended.wait())
        said = asyncio.create_task(_line(reader))  # nothing: its host is gone
        try:
            await asyncio.wait({ended, said}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done() and said.result():
                answer, released = self.lot.park(lease, json.loads(said.result()))
                _write(writer, answer)
                await _line(reader)
                released.set()
                return
            if not ended.done():
                lease.stop()
            await ended
            _write(writer, {"exit": lease.code})
            if lease.folders and await said:
                await _line(reader)
            lease.tidy()
        finally:
            ended.cancel()
            said.cancel()

    async def _end_parked(self, names: list[str]) -> int:
        if guards := self.lot.end(names, "ended"):
            await asyncio.wait(guards, timeout=5)
        return len(guards)


def _write(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    if not writer.is_closing():
        writer.write(json.dumps(message).encode() + b"\n")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except (ConnectionError, ValueError):
        return b""


def _of_nobody(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the attempt's folder, by which what an attempt started is found and ended."""
    return {name: value for name, value in environment.items() if name != "FLOWBOOK_RUN"}


def _python_path(environment: Mapping[str, str]) -> str:
    """The kernel's own search path, with this package at its end so that the zygote itself is found."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    return os.pathsep.join(paths if package in paths else [*paths, package])
