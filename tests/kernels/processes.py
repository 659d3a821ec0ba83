"""Living processes, as /proc tells them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    command: str


def marked(text: str) -> list[Process]:
    """All but this one whose environment at their start, or whose arguments, hold a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            stat = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
            said = (entry / "environ").read_bytes() + command
        except OSError:
            continue
        if stat[0] not in "ZX" and text.encode() in said:
            shown = command.replace(b"\0", b" ").decode(errors="replace").strip()
            found.append(Process(int(entry.name), int(stat[1]), shown))
    return found


def below(processes: list[Process], pid: int | None) -> list[Process]:
    """Those among them that a process has started, and what they have started."""
    found: list[Process] = []
    above = {pid}
    while more := [p for p in processes if p.parent in above and p not in found]:
        found += more
        above = {p.pid for p in more}
    return found


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
