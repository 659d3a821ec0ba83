"""The process that Python kernels are forked from: `python -m flowbook.kernels.zygote DESCRIPTOR STANDBYS`.

Theory of operation. A kernel's start is mostly imports. The zygote does them once, without threads
(a fork copies only the thread that forks; a lock another one held would stay locked for ever: it
refuses to fork when it has any), begins a kernel (`application.py`), freezes what it has, and forks. A
*standby* is a child that has gone on: its kernel is made, its sockets are bound, and it waits for the
one message that says where it runs. What differs from run to run (environment, folder, time zone,
randomness, streams) is applied then, before any code of the user. The zygote's only friend is the
keeper at the other end of one socket: if that closes, the zygote ends, and its death ends its kernels
(PR_SET_PDEATHSIG).

Imports are learned: a rehearsal in a throwaway child tells which modules a kernel needs to run a
cell, and each kernel that ends tells which of the well-known heavy libraries its notebook used.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .application import Begun, made
from .rehearsal import alike, rehearsed
from .strays import end_orphans, inherit_orphans

NEEDED = ("ipykernel.kernelapp", "ipykernel.ipkernel", "flowbook.kernels.forked", "psutil")
"""What every kernel imports, the last of them as it ends."""
HEAVY = (
    "numpy",
    "pandas",
    "matplotlib",
    "matplotlib.pyplot",
    "scipy",
    "sklearn",
    "PIL",
    "pyarrow",
    "polars",
)
"""Libraries worth importing ahead: they start no threads when asked not to, and hold no connections."""
INLINE = "module://matplotlib_inline.backend_inline"
"""What ipykernel makes the backend of matplotlib, which reads it when it is imported."""
QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "MPLBACKEND": INLINE,
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
"""Keeps libraries from starting threads while they are imported, and what else they read then."""


TRIES = 3
"""Kernels that may die in a row before they take an order."""


def send(link: socket.socket, message: Any) -> None:
    """One message: JSON and a newline."""
    link.sendall(json.dumps(message).encode() + b"\n")


class Reader:
    """Whole messages from a socket that blocks or doesn't."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self._rest = b""

    def read(self) -> list[Any] | None:
        """What has arrived, waiting for something; `None` at the end."""
        try:
            data = self.link.recv(1 << 16)
        except ConnectionError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]


@dataclass(slots=True)
class Standby:
    """A child whose kernel is made and waits."""

    pid: int
    link: socket.socket
    reader: Reader
    folder: str
    ready: bool = False
    taken: bool = False
    """It has had its order, so it lives."""
    order: Any = None


class Zygote:
    """Forks kernels for the keeper at the other end of `link`."""

    def __init__(self, link: socket.socket, folder: Path, standbys: int) -> None:
        self.link = link
        self.folder = folder
        self.wanted = standbys
        self.standbys: dict[int, Standby] = {}
        self.running: dict[int, Standby] = {}
        self.orders: deque[Any] = deque()
        """What no standby was ready for."""
        self.cores = len(os.sched_getaffinity(0))
        self.learned: list[str] = []
        self.blas: list[Callable[[int], object]] = []
        self.begun: Begun | None = None
        """What children go on with; without it they make a kernel whole."""
        self.own: dict[str, str] = {}
        """Variables that kernels set as they start."""
        self._number = 0
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)

    def prepare(self) -> None:
        """Import what kernels need, and begin one."""
        gc.disable()
        before = dict(os.environ)
        modules, stock = rehearsed(self.folder, made)
        for module in [*NEEDED, *modules]:
            _import(module)
        _, begun = rehearsed(self.folder, lambda folder: Begun().whole(folder))
        if alike(begun, stock):
            self.begun = Begun()
        self.own = {n: value for n, value in os.environ.items() if before.get(n) != value}
        self._freeze()

    def _freeze(self) -> None:
        self.blas = _blas()
        if (threads := len(os.listdir("/proc/self/task"))) != 1:
            raise SystemExit(f"the imports left {threads} threads: no kernel can be forked")
        gc.collect()
        gc.freeze()  # shared pages stay shared: the collector doesn't touch them

    def serve(self) -> None:
        inherit_orphans()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        reader = Reader(self.link)
        send(self.link, {"event": "ready", "pid": os.getpid()})
        while True:
            self._hand_out()
            self._report()
            links: dict[Any, Any] = {child.link: child for child in self._children()}
            may_fork = not self.orders and len(self.standbys) < self.wanted
            found, _, _ = select.select(
                [self.link, self._woken, *links], [], [], 0.02 if may_fork else None
            )
            if not found:
                self._fork()
            for one in found:
                if one is self._woken:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                    self._reap()
                elif one is self.link:
                    messages = reader.read()
                    if messages is None:
                        for pid in self.running:
                            _kill_group(pid)
                        return
                    for message in messages:
                        self._obey(message)
                elif one.fileno() >= 0:  # it may have been reaped a moment ago
                    self._hear(links[one])

    def _children(self) -> Iterator[Standby]:
        yield from (
            c for c in [*self.standbys.values(), *self.running.values()] if c.link.fileno() >= 0
        )

    def _report(self) -> None:
        """Tell the keeper how many standbys are ready, when that has changed."""
        ready = sum(child.ready for child in self.standbys.values())
        if ready != getattr(self, "_told", None):
            self._told = ready
            send(self.link, {"event": "standbys", "ready": ready})

    def _obey(self, message: Any) -> None:
        match message["do"]:
            case "start":
                self.orders.append(message)
            case "kill":
                if message["pid"] in self.running:
                    _kill_group(message["pid"])
            case "standbys":
                self.wanted = int(message["count"])

    def _hand_out(self) -> None:
        """Give orders to standbys that are ready, and fork for those that have to wait.

        Several kernels are made at a time, as many as there are cores: nobody waits for one of them.
        """
        while self.orders and (child := self._ready()) is not None:
            self._give(child, self.orders.popleft())
        making = sum(not child.ready for child in self.standbys.values())
        for _ in range(min(len(self.orders), self.cores) - making):
            self._fork()

    def _give(self, child: Standby, order: Any) -> None:
        del self.standbys[child.pid]
        self.running[child.pid] = child
        child.order = order
        # if it has died meanwhile, another one gets the order once it is reaped
        with contextlib.suppress(OSError):
            send(child.link, order)

    def _tell_start(self, child: Standby) -> None:
        started = {"event": "started", "id": child.order["id"], "pid": child.pid}
        connection = json.loads(Path(child.folder, "kernel.json").read_text())
        send(self.link, {**started, "connection": connection})

    def _retry(self, order: Any) -> None:
        """An order whose kernel has died before it took it."""
        order["tries"] = order.get("tries", 0) + 1
        if order["tries"] < TRIES:
            self.orders.appendleft(order)
        else:
            send(self.link, {"event": "failed", "id": order["id"]})

    def _ready(self) -> Standby | None:
        return next((child for child in self.standbys.values() if child.ready), None)

    def _hear(self, child: Standby) -> None:
        messages = child.reader.read()
        if messages is None:
            child.link.close()
            return
        for message in messages:
            child.ready = child.ready or "ready" in message
            if "taken" in message:
                child.taken = True
                self._tell_start(child)
            for module in message.get("used", ()):
                self._learn(module)

    def _learn(self, module: str) -> None:
        if module in HEAVY and module not in self.learned:
            self.learned.append(module)
            if self.begun is None:
                _import(module)
            else:
                self.begun.end()
                _import(module)
                self.begun = Begun()
            self._freeze()
            for child in self.standbys.values():  # forked before: they know less
                _kill_group(child.pid)
            self.running |= self.standbys  # until they are reaped; nobody waits for them
            self.standbys = {}

    def _fork(self) -> Standby:
        self._number += 1
        folder = self.folder / f"{os.getpid()}-{self._number}"
        folder.mkdir(mode=0o700)
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become(theirs, folder, [ours])
        theirs.close()
        child = Standby(pid, ours, Reader(ours), str(folder))
        self.standbys[pid] = child
        return child

    def _become(self, link: socket.socket, folder: Path, others: list[socket.socket]) -> None:
        """The child's whole life."""
        from .forked import live

        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for one in (
                self.link,
                self._wake,
                self._woken,
                *others,
                *(c.link for c in self._children()),
            ):
                one.close()
            make = made if self.begun is None else self.begun.whole
            code = live(link, lambda: make(folder), self.blas, HEAVY, self.own)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            _kill_group(pid)  # what it left behind, as long as its number is its own
            _, status = os.waitpid(pid, 0)
            end_orphans({*self.standbys, *self.running})
            child = self.standbys.pop(pid, None) or self.running.pop(pid, None)
            if child is not None:
                while child.link.fileno() >= 0:
                    self._hear(child)
                shutil.rmtree(child.folder, ignore_errors=True)
                if child.order is not None and not child.taken:
                    self._retry(child.order)
            # the keeper knows which of them was lent to somebody
            send(
                self.link, {"event": "exit", "pid": pid, "code": os.waitstatus_to_exitcode(status)}
            )


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _import(module: str) -> None:
    # whatever fails here fails again, and is seen, in the notebook that asks for it
    with contextlib.suppress(Exception):
        importlib.import_module(module)


def _blas() -> list[Callable[[int], object]]:
    """Functions that set the number of threads of the OpenBLAS copies that are loaded."""
    import ctypes

    names = [
        f"{prefix}openblas_set_num_threads{tail}"
        for prefix in ("scipy_", "")
        for tail in ("64_", "")
    ]
    paths = {
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "openblas" in line
    }
    found: list[Callable[[int], object]] = []
    for path in sorted(paths):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            found += [getattr(library, name) for name in names if hasattr(library, name)][:1]
    return found


def main(arguments: list[str]) -> None:
    """Serve the keeper whose socket is the given descriptor."""
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]  # as ipykernel's launcher does; a notebook's folder is added by IPython
    link = socket.socket(fileno=int(arguments[0]))
    link.setblocking(True)
    os.set_inheritable(link.fileno(), False)
    began = time.perf_counter()
    zygote = Zygote(link, Path(arguments[2]), int(arguments[1]))
    zygote.prepare()
    how = "made whole" if zygote.begun is None else "begun"
    took = time.perf_counter() - began
    print(f"zygote ready after {took:.2f} s, kernels {how}", file=sys.stderr, flush=True)
    zygote.serve()


if __name__ == "__main__":
    # under its own name: what children import must not be a second copy
    from flowbook.kernels.zygote import main as _main

    _main(sys.argv[1:])
