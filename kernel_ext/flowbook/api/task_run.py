"""One instance of a task in an execution, and what it handed on."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowbook.kinds.dynamic import Json
from flowbook.kinds.state import State

from .outputs import Outputs

if TYPE_CHECKING:
    from flowbook.engine.continuing import Applied, Continuing

    from .kernel import Kernel
    from .run import Run


T = TypeVar("T")


class TaskRun:
    """One instance of a task in an execution."""

    def __init__(
        self, run: Run, row: Mapping[str, Any], outputs: Mapping[str, Json] | None
    ) -> None:
        self.run = run
        self.row = row
        self._outputs = outputs
        self.id: str = row["id"]
        self.task_id: str = row["task_id"]
        self.type: str = row["type"]
        self.value: str | None = row["value"]
        self.iteration: int | None = row["iteration"]
        self.parent_id: str | None = row["parent_id"]
        self.state = State(row["state"])
        self.error: dict[str, Json] | None = row["error"]

    def __repr__(self) -> str:
        of = f"={self.value}" if self.value is not None else ""
        return f"<task run {self.task_id}{of}: {self.state}>"

    @property
    def history(self) -> list[tuple[State, datetime]]:
        return [
            (State(step["state"]), datetime.fromisoformat(step["date"]))
            for step in self.row["histories"]
        ]

    @property
    def start(self) -> datetime | None:
        return moment(self.row["started_at"])

    @property
    def end(self) -> datetime | None:
        return moment(self.row["ended_at"])

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """Its attempts: number, state, start, end, error; flowables have none."""
        rows = self.run.workspace.portal.call(
            self.run.workspace.engine.history.attempts(self.run.id)
        )
        return [row for row in rows if row["task_run_id"] == self.id]

    @property
    def outputs(self) -> Outputs:
        """What it handed on; tables, files and notebooks are at hand."""
        storage = self.run.workspace.engine.storage
        return Outputs(self.task_id, self._outputs or {}, storage)

    def why(self) -> str:
        """Why it ran, or didn't, in words."""
        return self.run.why(self.id)

    @property
    def kernel(self) -> Kernel:
        """The parked kernel of a notebook that failed. Raises `NotFound` that says what became of it."""
        from .kernel import Kernel

        return Kernel(self)

    def open(self) -> Path:
        """A copy of the executed notebook for editing; what is edited in it runs when it is continued."""
        return self._call(self._continuing.open(self.run.id, self.id)).path

    def edit(self, cell: int, source: str) -> None:
        """Edit a cell of that copy."""
        self._call(self._continuing.edit(self.run.id, self.id, cell, source))

    @property
    def edits(self) -> list[Mapping[str, Json]]:
        """What its notebook says otherwise than the source did: cell, id, before, after."""
        return self._call(self._continuing.edits(self.run.id, self.id))

    def apply(self) -> Applied:
        """Write the edits into the notebook's source: `path edits diff`. Raises `Conflict`."""
        return self._call(self._continuing.apply(self.run.id, self.id))

    @property
    def _continuing(self) -> Continuing:
        return self.run.workspace.engine.continuing

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return self.run.workspace.portal.call(work)

    def logs(self, level: str | None = None) -> list[dict[str, Any]]:
        return [
            line for line in self.run.logs(level, self.task_id) if line["task_run_id"] == self.id
        ]

    def df(self, name: str | None = None) -> Any:
        """A table among the outputs, as a pandas DataFrame; without a name the only one."""
        return self.outputs.df(name)

    def show(self, name: str | None = None) -> None:
        """Display an output, or all of them, as a notebook shows such things."""
        self.outputs.show(name)

    def path(self, name: str) -> Path:
        """The local file behind an output that is a file or a table."""
        return self.outputs.path(name)


def moment(value: Any) -> datetime | None:
    """A moment of the history, which comes as a date or as its text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
