"""An execution played to its end without an engine: whatever it asks for is answered at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flowbook.executions import commands as c
from flowbook.executions import events as e
from flowbook.executions.model import Execution, TaskRun
from flowbook.executions.step import born, fold
from flowbook.flows.model import Flow
from flowbook.kinds.dynamic import Template
from flowbook.kinds.state import State

START = datetime(2025, 1, 1, tzinfo=UTC)
MOST = 3000
"""Steps after which an execution will never end."""
Outcome = Callable[[TaskRun], bool]


class Played:
    """One execution, and what it waits for."""

    def __init__(self, flow: Flow) -> None:
        self.now = START
        created = e.Created(at=START, namespace="tests", flow_id="law", revision=1)
        self.execution: Execution = born("X", flow, created)
        self.events: list[e.Event] = [created]
        self.waiting: deque[c.Command] = deque()
        self.happens(e.Started(at=START))

    def happens(self, event: e.Event) -> None:
        self.now += timedelta(seconds=1)
        self.events.append(event)
        folded = fold(self.execution, (event,))
        self.execution = folded.execution
        self.waiting.extend(folded.commands)

    def to_its_end(self, succeeds: Outcome) -> Execution:
        """Answer until nothing is left to run; pauses are resumed."""
        for _ in range(MOST):
            if self.waiting:
                self.step(succeeds)
            elif self.execution.is_over:
                return self.execution
            elif self.execution.state is State.PAUSED:
                self.happens(e.ResumeRequested(at=self.now))
            else:
                raise AssertionError(f"stuck in {self.execution.state}")
        raise AssertionError(f"{MOST} steps and no end: {self.execution.state}")

    def step(self, succeeds: Outcome) -> None:
        """Answer what has been asked for longest."""
        command = self.waiting.popleft()
        match command:
            case c.RunAttempt():
                run = self.execution.task_runs.get(command.task_run)
                ids: dict[str, Any] = {"task_run": command.task_run, "attempt": command.attempt}
                if run is None or succeeds(run):
                    self.happens(e.AttemptSucceeded(at=self.now, outputs={"n": 1}, **ids))
                else:
                    self.happens(e.AttemptFailed(at=self.now, error={"message": "no"}, **ids))
            case c.KillAttempt():
                ids = {"task_run": command.task_run, "attempt": command.attempt}
                self.happens(e.AttemptKilled(at=self.now, **ids))
            case c.Ask():
                answers = {name: _rendered(source) for name, source in command.sources.items()}
                ids = {"task_run": command.task_run, "question": command.question}
                self.happens(e.Answered(at=self.now, answers=answers, **ids))
            case c.SetTimer():
                ids = {"task_run": command.task_run, "purpose": command.purpose}
                self.happens(e.TimerFired(at=self.now, **ids))


def _rendered(source: Any) -> Any:
    """A template is true; whatever has none is itself."""
    if isinstance(source, Template) or (isinstance(source, str) and "{{" in source):
        return True
    if isinstance(source, list | tuple):
        return [_rendered(each) for each in source]
    return source
