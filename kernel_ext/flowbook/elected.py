"""One process of a machine holds a seat: a lock says who, a socket says where, anybody may start it.

Theory of operation. The keeper takes an exclusive `flock` that ends with its process, so there is
nothing to clean up after a kill. Who finds nobody listening starts a candidate; a candidate that
doesn't get the lock ends before it imports anything heavy. A shared lock is the question "is
somebody on the way?", so a crowd of clients doesn't start a crowd of candidates.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket as sockets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = ("PYTHONDONTWRITEBYTECODE", "FLOWBOOK_RUN")
"""Variables a keeper doesn't take over: it belongs to no run, even if one starts it."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A role that one process at a time fills, in a folder of Jupyter's runtime directory."""

    folder: Path
    name: str

    @property
    def socket(self) -> Path:
        return self.folder / f"{self.name}.sock"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.name}.lock"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def take(self, patience: float = 0.25) -> int | None:
        """The lock's descriptor, held until this process ends or closes it; None if another has it."""
        descriptor = self._open()
        end = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() < end and not self._is_served():
                    time.sleep(0.005)  # most likely somebody only asks `is_held`
                    continue
                os.close(descriptor)
                return None
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            return descriptor

    def is_held(self) -> bool:
        """Whether a keeper lives or is on its way."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def holder(self) -> int | None:
        """The pid of the keeper that lives, as it wrote it."""
        if not self.lock.exists() or not self.is_held():
            return None
        with contextlib.suppress(ValueError):
            return int(self.lock.read_text())
        return None

    def listen(self) -> sockets.socket:
        """A listening socket that only this user can reach; call it with the lock held."""
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()
        listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(self.socket))
        finally:
            os.umask(before)
        listener.listen(128)
        listener.setblocking(False)
        return listener

    def leave(self) -> None:
        """Take the socket away; the lock ends with the process."""
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()

    def start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a candidate that outlives this process: `python -m module arguments`."""
        environment = {name: v for name, v in os.environ.items() if name not in LEFT_OUT}
        package = str(Path(__file__).resolve().parent.parent)
        paths = [package, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
        self._make()
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                start_new_session=True,
            )

    def _is_served(self) -> bool:
        with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _open(self) -> int:
        self._make()
        return os.open(self.lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
