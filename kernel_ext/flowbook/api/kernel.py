"""The parked kernel of a notebook that failed, as people look into it."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowbook.errors import FlowbookError

if TYPE_CHECKING:
    from flowbook.kernels.parked import ParkedKernel, Shown

    from .task_run import TaskRun


T = TypeVar("T")


class Kernel:
    """`run["train"].kernel`: every variable is alive."""

    def __init__(self, task_run: TaskRun) -> None:
        self._task_run = task_run
        self._held: ParkedKernel = self._found()

    def __repr__(self) -> str:
        until = self.until.astimezone()
        return f"<parked kernel of {self._task_run.task_id}, until {until:%H:%M}>"

    def _found(self) -> ParkedKernel:
        run = self._task_run.run
        return run.workspace.portal.call(
            run.workspace.engine.continuing.kernel(run.id, self._task_run.id)
        )

    def execute(self, code: str) -> Result:
        """Run code in it; what that shows. Raises `FlowbookError` for an error of the code's."""
        shown = self._call(self._held.execute(code))
        if shown.error is not None:
            raise FlowbookError(f"{shown.error['name']}: {shown.error['message']}")
        return Result(shown)

    def variables(self) -> list[dict[str, str]]:
        """Its variables: name, type, size, value."""
        return self._call(self._held.variables())

    def value(self, name: str) -> Any:
        """A variable's value: a number, text, list or map; a table as a DataFrame; a figure's bytes."""
        return self._call(self._held.value(name))

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self._held.until

    @property
    def connection_file(self) -> Path:
        """For `jupyter console --existing`."""
        return self._held.file

    def interrupt(self) -> None:
        """Stop what runs in it."""
        self._call(self._held.interrupt())

    def end(self) -> None:
        """End it now."""
        self._call(self._task_run.run.workspace.engine.continuing.warm.end_parked([self._held.id]))

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return self._task_run.run.workspace.portal.call(work)


class Result:
    """What code in a parked kernel has shown, displayed here as it would be there."""

    def __init__(self, shown: Shown) -> None:
        self.outputs = shown.outputs
        """As a notebook holds them."""
        self.text = shown.text
        self._result = shown.result

    def __repr__(self) -> str:
        return self.text.rstrip("\n")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Mapping[str, Any]:
        return self._result or {"text/plain": repr(self)}
