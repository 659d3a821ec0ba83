"""What is asked of a run of a notebook, and what it tells: values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from .cells import MAX_OUTPUT
from .handed_out import HandedOut
from .notebook import Json

CellState = Literal["WAITING", "RUNNING", "DONE", "FAILED", "SKIPPED", "COPIED", "STOPPED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """When the kernel is parked at the end, and what the keeper is told of it."""

    always: bool
    """Not only when the notebook failed."""
    order: Mapping[str, Json]
    """`key ttl count bytes about`."""
    is_timeout: Callable[[], bool]
    """Whether a cancellation is the task's own time limit."""
    folders: Callable[[], Sequence[str]]
    """What is kept as long as the kernel lives."""
    told: Callable[[Mapping[str, Json] | None, Callable[[], None]], None]
    """Hears what the keeper answered (`None`: it could not be parked), and what is to be called once
    nothing here needs the folders any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continues:
    """The run goes on, at a cell, in the kernel parked for a task run."""

    cell: int
    key: str
    resumed: Callable[[Callable[[], None] | None], None]
    """Told what is to be called once nothing here needs the kernel's folders any more; `None`: the
    kernel is gone, and the notebook begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookRun:
    """A notebook to run, and all that its kernel gets."""

    notebook: Path
    out_dir: Path
    """The attempt's own 0700 folder: journal, executed copy, and the channel `FLOWBOOK_RUN`."""
    cwd: Path
    env: Mapping[str, str]
    """The whole environment of the kernel."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kernel: str | None = None
    """Kernel's name; `None`: the notebook's own."""
    cell_timeout: float | None = None
    max_output: int = MAX_OUTPUT
    """Bytes of outputs kept of one cell."""
    secrets: Sequence[str] = ()
    """Masked in the copy, the journal and the news."""
    outputs: Sequence[tuple[str, str]] = ()
    """Declared outputs: id and variable."""
    reserved: Sequence[str] = ()
    """Names that `fb.outputs` refuses."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """What `fb.inputs` shows."""
    execution: Mapping[str, Json] = field(default_factory=dict)
    """What `fb.execution` shows."""
    meta: Mapping[str, Json] = field(default_factory=dict)
    """Kept in the copy's metadata under `flowbook`."""
    source: str | None = None
    """What the copy names as its source; `None`: the notebook's path."""
    output: str | None = None
    """Where the copy will be kept, for its metadata."""
    parking: Parking | None = None
    """`None`: the kernel ends with the run."""
    continues: Continues | None = None
    """`notebook` is then the copy of the run that is continued, with its edits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNews:
    """What is known of a cell now; a later one of the same cell replaces it."""

    cell: int
    total: int
    id: str
    state: CellState
    started: datetime | None = None
    ended: datetime | None = None
    outputs: int = 0
    text: str = ""
    error: Mapping[str, Any] | None = None
    """`name`, `message`, `traceback`; `line` and `source` of the cell where they are known."""
    progress: float | None = None
    note: str = ""
    """What `fb.progress` said beside its number."""


@dataclass(frozen=True, slots=True)
class MetricNews:
    """A metric by `fb.metric`."""

    name: str
    value: float
    tags: Mapping[str, str]


News = Callable[[CellNews | MetricNews], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookError:
    """Why a notebook failed."""

    message: str
    kind: str
    cell: int | None = None
    line: int | None = None
    excerpt: str = ""
    """Three lines of the cell, the one at fault marked."""
    traceback: str = ""
    died: bool = False
    """The kernel ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookResult:
    """How a notebook ended."""

    outputs: Mapping[str, HandedOut]
    executed: Path
    cells: Mapping[str, int]
    """`total`, `done`, `failed`."""
    error: NotebookError | None = None
    warnings: Sequence[str] = ()
