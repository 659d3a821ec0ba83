"""Parked kernels, as the keeper holds them: each with a time to live, all within a budget.

Theory of operation. A kernel is parked by the host that ran it; from then on the keeper holds it. It
ends when its time is over, when others need the room (the oldest first), when it ends by itself, or
when somebody says so; or it is taken by a host that goes on with its notebook. Beside each lies its
connection file, in a folder of its own: that is what `jupyter console --existing` and a Jupyter
Server's list of kernels read. The file also names the folders kept for it and the marks of what it
has started, so that a keeper which follows one that was killed removes the ones and ends the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ..ids import new_id, system_random
from .lease import Lease
from .strays import end_marked

REMEMBERED = 200
Reason = Literal["time", "count", "memory", "ended", "replaced", "died"]


@dataclass(slots=True)
class Parked:
    """One of them."""

    id: str
    key: str
    """The task run it belongs to."""
    lease: Lease
    order: Mapping[str, Any]
    since: datetime
    until: datetime
    alarm: asyncio.TimerHandle
    guard: asyncio.Task[None]
    released: asyncio.Event
    file: Path

    def row(self) -> dict[str, Any]:
        """How it is listed."""
        return {
            "id": self.id,
            "key": self.key,
            "pid": self.lease.pid,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "memory": memory(self.lease.pid),
            "file": str(self.file),
            "language": self.order["language"],
            "interruptsByMessage": self.order["interrupts_by_message"],
            **self.order["about"],
        }


class Lot:
    """The parked kernels of a workspace, oldest first."""

    def __init__(self, folder: Path, emptied: Callable[[], None]) -> None:
        self.folder = folder
        self.parked: dict[str, Parked] = {}
        self._emptied = emptied
        self._count = 0
        self._bytes: float = 0
        self._gone: list[dict[str, Any]] = []
        self._untold: list[dict[str, Any]] = []
        self._random = system_random()
        self._clear()

    def _clear(self) -> None:
        """Remove what a keeper that was killed left behind, and end what its kernels had started."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self.folder.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                left = json.loads(file.read_text())["flowbook"]
                for mark in left["marks"]:
                    end_marked(mark)
                for folder in left["folders"]:
                    shutil.rmtree(folder, ignore_errors=True)
            file.unlink(missing_ok=True)

    def park(self, lease: Lease, order: Mapping[str, Any]) -> tuple[dict[str, Any], asyncio.Event]:
        """Hold a kernel from now on; `ended` are those that had to make room, perhaps itself.

        The event is set by the caller once its host needs the kernel's folders no more.
        """
        self.end((p.id for p in list(self.parked.values()) if p.key == order["key"]), "replaced")
        lease.folders += order["folders"]
        now = datetime.now(UTC)
        name, released = new_id(self._random), asyncio.Event()
        loop = asyncio.get_running_loop()
        parked = Parked(
            id=name,
            key=order["key"],
            lease=lease,
            order=order,
            since=now,
            until=now + timedelta(seconds=order["ttl"]),
            alarm=loop.call_later(order["ttl"], self.end, [name], "time"),
            guard=loop.create_task(self._guard(name, lease, released)),
            released=released,
            file=self.folder / f"{name}.json",
        )
        self._write(parked)
        self.parked[name] = parked
        self._count, self._bytes = order["count"], order["bytes"]
        row = parked.row()
        self.make_room()
        ended, self._untold = self._untold, []
        return {"parked": row, "kept": name in self.parked, "ended": ended}, released

    def _write(self, parked: Parked) -> None:
        said = {
            **parked.lease.connection,
            "kernel_name": parked.order["about"]["kernel"],
            "flowbook": {"folders": parked.lease.folders, "marks": parked.lease.marks},
        }
        part = self.folder / f".{parked.id}.part"
        part.touch(mode=0o600)
        part.write_text(json.dumps(said))
        os.replace(part, parked.file)

    async def _guard(self, name: str, lease: Lease, released: asyncio.Event) -> None:
        """Tidy up when it has ended, for whatever reason, and the host that parked it is done."""
        await lease.ended.wait()
        self._forget(name, "died")
        await released.wait()
        lease.tidy()
        self._emptied()

    def make_room(self) -> None:
        """End the oldest while there are too many, or they take too much memory."""
        while len(self.parked) > self._count:
            self.end([next(iter(self.parked))], "count")
        sizes = {name: memory(parked.lease.pid) for name, parked in self.parked.items()}
        while sizes and sum(sizes.values()) > self._bytes:
            oldest = next(iter(sizes))
            del sizes[oldest]
            self.end([oldest], "memory")

    def end(self, names: Iterable[str], reason: Reason) -> list[asyncio.Task[None]]:
        """End these, as far as they are parked; what is done when they have ended."""
        guards = []
        for name in list(names):
            parked = self._forget(name, reason)
            if parked is not None:
                parked.lease.stop()
                guards.append(parked.guard)
        return guards

    def _forget(self, name: str, reason: Reason) -> Parked | None:
        parked = self.parked.pop(name, None)
        if parked is None:
            return None
        parked.alarm.cancel()
        parked.file.unlink(missing_ok=True)
        said = {**parked.row(), "reason": reason, "at": datetime.now(UTC).isoformat()}
        self._gone = [*self._gone, said][-REMEMBERED:]
        if reason in ("count", "memory"):
            self._untold = [*self._untold, said][-REMEMBERED:]
        return parked

    def take(self, key: str) -> Parked | None:
        """Give a kernel up to a host that goes on with it."""
        for name, parked in self.parked.items():
            if parked.key == key and not parked.lease.ended.is_set():
                del self.parked[name]
                parked.alarm.cancel()
                parked.guard.cancel()
                parked.file.unlink(missing_ok=True)
                return parked
        return None

    def find(self, key: str) -> dict[str, Any]:
        """A parked kernel with its connection, or what became of it."""
        for parked in self.parked.values():
            if parked.key == key:
                return {"parked": parked.row(), "connection": dict(parked.lease.connection)}
        gone = next((one for one in reversed(self._gone) if one["key"] == key), None)
        return {"gone": gone}

    def rows(self) -> list[dict[str, Any]]:
        return [parked.row() for parked in self.parked.values()]


def memory(pid: int) -> int:
    """Bytes a process takes by itself, pages shared with others by their part; 0 if it is gone."""
    for file, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
                if line.startswith(field):
                    return int(line.split()[1]) * 1024
    return 0 if sys.platform == "linux" else _resident(pid)


def _resident(pid: int) -> int:
    """The same where there is no /proc: shared pages count whole."""
    asked = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return int(asked.stdout.strip() or 0) * 1024
