"""`core.flow.If`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Json, Template
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.task import AnyTask, Condition, FlowableTask, Task

from .turns import is_off


class If(FlowableTask):
    """Run one list of tasks or the other, as a condition says."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.flows.If",)

    condition: Condition
    """False is the text `false`, `0`, `-0` or an empty one; anything else is true."""
    then: tuple[AnyTask, ...]
    """What runs if it is true."""
    else_: tuple[AnyTask, ...] = Field((), alias="else")
    """What runs if it is false."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {
            "then": self.then,
            "else": self.else_,
            "errors": self.errors,
            "finally": self.finally_,
        }

    def asks(self) -> Mapping[str, Json]:
        return {"condition": Template(self.condition, Condition)}

    def plan(self, answers: Answers) -> Plan:
        truth = answers.truth("condition")
        return one_lane(
            enabled(self.then if truth else self.else_),
            outputs={"evaluationResult": truth},
            detached=is_off(self.wait),
        )


CHOOSE = Example(
    title="Choose by an input",
    inputs={"amount": 7},
    logs=("small",),
    outputs={"check": {"evaluationResult": False}},
    flow="""
id: choose
namespace: demo
inputs:
  - {id: amount, type: INT}
tasks:
  - id: check
    type: io.kestra.plugin.core.flow.If
    condition: "{{ inputs.amount > 100 }}"
    then:
      - {id: big, type: io.kestra.plugin.core.log.Log, message: big}
    else:
      - {id: small, type: io.kestra.plugin.core.log.Log, message: small}
""",
)
