"""`core.flow.Pause`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import AliasChoices, Field, field_validator
from pydantic_core import PydanticCustomError

from flowbook.kinds.answers import Answers
from flowbook.kinds.durations import Duration, parse_duration
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.input import AnyInput
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, Wait, enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import AnyTask, ExecutableTask, FlowableTask, Task, UpdatingTask
from flowbook.plugin.spelling import AnyCase, read


class Behavior(AnyCase):
    """What follows when a pause has lasted its time."""

    RESUME = "RESUME"
    WARN = "WARN"
    FAIL = "FAIL"
    CANCEL = "CANCEL"


FOLLOWS = {
    Behavior.RESUME: State.SUCCESS,
    Behavior.WARN: State.WARNING,
    Behavior.FAIL: State.FAILED,
    Behavior.CANCEL: State.CANCELLED,
}


class Pause(FlowableTask):
    """Hold the execution until somebody resumes it, or for a while."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.flows.Pause",
        "io.kestra.plugin.core.flow.Approval",
    )

    pause_duration: Dynamic[Duration | None] = Field(
        None, validation_alias=AliasChoices("pauseDuration", "delay", "pause_duration")
    )
    """How long; without it until somebody resumes."""
    behavior: Dynamic[Behavior] = Behavior.RESUME
    """What follows when that time is over: RESUME, WARN, FAIL or CANCEL."""
    on_resume: tuple[AnyInput, ...] = ()
    """What is asked of whoever resumes; answers are the output `onResume`."""
    on_pause: AnyTask | None = None
    """A task that runs when the pause begins, to tell somebody; its failure doesn't end the pause."""
    tasks: tuple[AnyTask, ...] = ()
    """Tasks to run after the pause."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        told = () if self.on_pause is None else (self.on_pause,)
        return {
            "onPause": told,
            "tasks": self.tasks,
            "errors": self.errors,
            "finally": self.finally_,
        }

    @field_validator("on_pause")
    @classmethod
    def _runnable(cls, task: Task | None) -> Task | None:
        if isinstance(task, FlowableTask | ExecutableTask | UpdatingTask):
            raise PydanticCustomError(
                "runnable_only",
                "onPause must be a runnable task: '{id}' is none",
                {"id": task.id},
            )
        return task

    def tells(self) -> Task | None:
        return self.on_pause

    def asks(self) -> Mapping[str, Json]:
        return {
            "pauseDuration": self.pause_duration,
            "timeout": self.timeout,
            "behavior": self.behavior,
        }

    def pause(self, answers: Answers) -> Wait:
        return Wait(
            seconds=_seconds(answers["pauseDuration"]),
            timeout=_seconds(answers["timeout"]),
            elapsed=FOLLOWS[read(Behavior, answers, "behavior")],
        )

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks))


def _seconds(length: Json) -> float | None:
    return None if length in (None, "") else parse_duration(length).total_seconds()


MOMENT = Example(
    title="Pause for a moment",
    logs=("on again",),
    flow="""
id: pause-for-a-moment
namespace: demo
tasks:
  - {id: hold, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT0.1S}
  - {id: after, type: io.kestra.plugin.core.log.Log, message: on again}
""",
)
TOLD = Example(
    title="Say that a pause has begun",
    logs=("waiting",),
    flow="""
id: say-that-it-waits
namespace: demo
tasks:
  - id: hold
    type: io.kestra.plugin.core.flow.Pause
    pauseDuration: PT0.1S
    onPause: {id: say, type: io.kestra.plugin.core.log.Log, message: waiting}
""",
)
APPROVAL = Example(
    title="Wait for somebody's approval",
    needs="somebody who resumes it",
    flow="""
id: approval
namespace: demo
tasks:
  - id: approve
    type: io.kestra.plugin.core.flow.Pause
    timeout: P1D
    onResume:
      - {id: reason, type: STRING}
  - {id: after, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.approve.onResume.reason }}"}
""",
)
