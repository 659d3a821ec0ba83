"""What goes into the store and comes out: events, changes, owners, hosts and batches."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from flowbook.errors import FlowbookError, WorkspaceError
from flowbook.kinds.change import Change as Change

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

RECORDS = ("logs", "metrics", "cells")
OF_EXECUTIONS = frozenset(
    (
        "executions",
        "task_runs",
        "attempts",
        "outputs",
        "artifacts",
        "owners",
        "batches",
        "slots",
        "fires",
    )
)
"""Tables whose rows go with their execution; an event changes such rows of its own execution only."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """What happened to an execution; the storekeeper gives it its `seq`."""

    execution_id: str
    ts: datetime
    kind: str
    payload: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may append to an execution; the epoch grows with every claim."""

    host: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """A process that opens a workspace. `pid_started` tells it from a later one with the same pid."""

    id: str
    kind: str
    pid: int
    pid_started: str
    machine: str

    @classmethod
    def here(cls, id: str, kind: str) -> HostInfo:
        """This process."""
        pid = os.getpid()
        return cls(
            id=id, kind=kind, pid=pid, pid_started=started(pid) or "", machine=socket.gethostname()
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit (or one page of older ones) brought; `seq` is the last it covers.

    `events` are mappings with seq, execution_id, ts, kind, payload; `records` have "table" and seq.
    """

    seq: int
    events: tuple[Mapping[str, Json | datetime], ...] = ()
    changes: tuple[Change, ...] = ()
    records: tuple[Mapping[str, Json], ...] = ()


class StaleOwner(FlowbookError):
    """The execution belongs to another host or epoch by now: whoever gets this lets go of it."""


class StoreBusy(WorkspaceError):
    """The history can't be written at present (the disk is full …); nothing acknowledged is lost."""


class QueryRefused(FlowbookError):
    """A statement of a user that the history doesn't run, or that failed; the text says why."""


def started(pid: int) -> str | None:
    """When a process started, as text to compare; None if there is none with this pid."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]  # a zombie runs nothing any more
    import subprocess

    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


def is_alive(host: HostInfo) -> bool | None:
    """Whether the host's process still runs; None if it ran on another machine."""
    if host.machine != socket.gethostname():
        return None
    now = started(host.pid)
    return now is not None and now == host.pid_started
