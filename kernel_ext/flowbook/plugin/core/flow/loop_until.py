"""`core.flow.LoopUntil`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.durations import Duration, parse_duration
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example, Written
from flowbook.kinds.plan import Plan, Wait, enabled, one_lane
from flowbook.kinds.task import AnyTask, Condition, FlowableTask, RoundsOver, Task


class CheckFrequency(Written):
    """How often, how many times and how long a loop tries."""

    interval: Dynamic[Duration] = timedelta(minutes=1)
    """The wait between two rounds."""
    max_iterations: Dynamic[int | None] = None
    """The most rounds; no limit if left out."""
    max_duration: Dynamic[Duration | None] = None
    """No round starts later than this."""


class LoopUntil(FlowableTask):
    """Run tasks again and again until a condition is true. Only the last round's outputs stay."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.plugin.core.flow.WaitFor",)
    rounds: ClassVar[bool] = True

    condition: Condition
    """Looked at after each round; true ends the loop."""
    tasks: tuple[AnyTask, ...]
    """The tasks of one round."""
    check_frequency: CheckFrequency = CheckFrequency()
    """The wait between rounds, and how many there are at most."""
    fail_on_max_reached: Dynamic[bool] = False
    """The task is FAILED if the condition never became true."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {"tasks": self.tasks, "errors": self.errors, "finally": self.finally_}

    def plan(self, answers: Answers) -> Plan:
        return one_lane(enabled(self.tasks))

    def asks_round(self) -> Mapping[str, Json]:
        return {
            "condition": Template(self.condition, Condition),
            "interval": self.check_frequency.interval,
            "maxIterations": self.check_frequency.max_iterations,
            "maxDuration": self.check_frequency.max_duration,
            "failOnMaxReached": self.fail_on_max_reached,
        }

    def next_round(self, answers: Answers, number: int, elapsed: float) -> Wait | RoundsOver:
        if answers.truth("condition"):
            return RoundsOver()
        failed = answers.truth("failOnMaxReached")
        if answers["maxIterations"] is not None and number >= answers.number("maxIterations"):
            return RoundsOver(failed=failed, message="Max iterations reached")
        wait = parse_duration(answers["interval"]).total_seconds()
        longest = answers["maxDuration"]
        if longest is not None and elapsed + wait > parse_duration(longest).total_seconds():
            return RoundsOver(failed=failed, message="Max duration reached")
        return Wait(seconds=wait, resumable=False)


THREE_ROUNDS = Example(
    title="Three rounds",
    outputs={"loop": {"iterationCount": 3}},
    flow="""
id: three-rounds
namespace: demo
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{ outputs.loop.iterationCount >= 3 }}"
    checkFrequency: {interval: PT0.05S, maxIterations: 10}
    tasks:
      - {id: look, type: io.kestra.plugin.core.log.Log, message: looking}
""",
)
