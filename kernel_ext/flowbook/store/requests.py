"""What hosts ask the writing thread to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .blocks import Columns
from .news import Committed
from .project import Row

GROUP = 1000
"""Rows a commit takes at most; more cost more than they save."""
LIGHT = 4
"""So many records are as much work as one event."""
Reply = Callable[[int, Any], None]


@dataclass(slots=True)
class Append:
    """Events and the changes they cause."""

    client: str
    number: int
    reply: Reply
    events: Sequence[Sequence[Any]]
    """Execution, microseconds, kind, payload as JSON."""
    changes: Sequence[Row]
    owner: tuple[str, int] | None
    spots: Sequence[int] | None = None
    """On which event each change stands, when the events are of several executions; None: the last."""

    @property
    def size(self) -> int:
        return len(self.events)


@dataclass(slots=True)
class Record:
    """Rows of logs, metrics and cells: tables with columns, in order."""

    client: str
    number: int
    reply: Reply
    blocks: Sequence[tuple[str, Columns]]
    count: int

    @property
    def size(self) -> int:
        return self.count // LIGHT


@dataclass(slots=True)
class Transact:
    """A named transaction with its parameters."""

    client: str
    number: int
    reply: Reply
    name: str
    parameters: Mapping[str, Any]
    size: int = GROUP


@dataclass(slots=True)
class Work:
    """Something else to be done between commits: retention, a copy."""

    reply: Reply
    work: Callable[[Any, int], tuple[Any, Committed | None]]
    """Called with the cursor and the newest `seq`, inside a transaction, the projection up to date."""
    size: int = GROUP


Request = Append | Record | Transact | Work
