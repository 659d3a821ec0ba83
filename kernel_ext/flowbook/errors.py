"""What can go wrong, one class per thing a caller does differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .problems import Problem, Span


class FlowbookError(Exception):
    """Anything flowbook says to a person; its text stands alone, without a traceback."""


class FlowInvalid(FlowbookError):
    """A flow's text has errors; `problems` holds all of them, warnings included."""

    def __init__(
        self, problems: Sequence[Problem], *, name: str = "<flow>", text: str = ""
    ) -> None:
        self.problems = tuple(problems)
        self.name = name
        self.text = text
        super().__init__(str(self))

    def __str__(self) -> str:
        from .problems import report

        return report(self.problems, name=self.name, text=self.text)


class NotFound(FlowbookError):
    """What was asked for isn't there."""


class Conflict(FlowbookError):
    """What was asked for can't be done in the present state."""


class Unconfirmed(Conflict):
    """What was asked for has consequences that somebody should say yes to; `tasks` are those concerned."""

    def __init__(self, message: str, tasks: Sequence[str]) -> None:
        super().__init__(message)
        self.tasks = tuple(tasks)


class BulkRefused(FlowbookError):
    """Something can't be done to all the executions it was asked for; `invalids` says of each why."""

    def __init__(self, message: str, invalids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.invalids = tuple(invalids)


class InputInvalid(FlowbookError):
    """Values given for the inputs of an execution are refused; all messages at once, `paths` says of each
    which input it is about."""

    def __init__(
        self, messages: Sequence[str], paths: Sequence[str] = (), hints: Sequence[str] = ()
    ) -> None:
        self.messages = tuple(messages)
        self.paths = tuple(paths) or ("inputs",) * len(self.messages)
        self.hints = tuple(hints)
        """What would be accepted, for each message."""
        lines = [
            line
            for number, message in enumerate(self.messages)
            for line in (
                message,
                *(f"    {hint}" for hint in self.hints[number : number + 1] if hint),
            )
        ]
        super().__init__("\n".join(lines))

    def with_(self, other: InputInvalid) -> InputInvalid:
        """Both at once."""
        hints = [*self.hints, *[""] * (len(self.messages) - len(self.hints)), *other.hints]
        return InputInvalid([*self.messages, *other.messages], [*self.paths, *other.paths], hints)


class ExpressionError(FlowbookError):
    """A template can't be parsed or rendered; `span` points into it when the place is known.

    `unknown` names what was looked up in vain, when that is the reason.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str = "",
        span: Span | None = None,
        unknown: str | None = None,
    ) -> None:
        super().__init__(message)
        self.source = source
        self.span = span
        self.unknown = unknown


class TaskFailed(FlowbookError):
    """A task ends FAILED on purpose; `outputs` are kept, `kind` is shown as the error's class."""

    def __init__(
        self,
        message: str,
        *,
        outputs: object = None,
        kind: str = "TaskFailed",
        traceback: str | None = None,
        detail: object = None,
    ) -> None:
        super().__init__(message)
        self.outputs = outputs
        self.kind = kind
        self.traceback = traceback
        self.detail = detail


class WorkspaceError(FlowbookError):
    """The workspace can't be opened or written: place, lock, version, disk."""


class InvalidTransition(FlowbookError):
    """A move that the tables of states don't list: a fault of flowbook, never of a flow."""
