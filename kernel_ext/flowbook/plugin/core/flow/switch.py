"""`core.flow.Switch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.plan import Plan, enabled, one_lane
from flowbook.kinds.state import State
from flowbook.kinds.task import AnyTask, FlowableTask, Task

from .turns import as_text, is_off


def _text_keys(value: Any) -> Any:
    return (
        {as_text(key): tasks for key, tasks in value.items()} if isinstance(value, dict) else value
    )


class Switch(FlowableTask):
    """Run the list of tasks whose case equals a value."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.flows.Switch",
        "io.kestra.plugin.core.flows.Switch",
    )

    value: Dynamic[Json]
    """What is compared, as text."""
    cases: Annotated[Mapping[str, tuple[AnyTask, ...]], BeforeValidator(_text_keys)] = {}
    """The tasks of each case."""
    defaults: tuple[AnyTask, ...] = ()
    """The tasks if no case is the value. Without them such a value is a failure."""

    def branches(self) -> Mapping[str, Sequence[Task]]:
        return {
            **{f"cases.{case}": tasks for case, tasks in self.cases.items()},
            "defaults": self.defaults,
            "errors": self.errors,
            "finally": self.finally_,
        }

    def asks(self) -> Mapping[str, Json]:
        return {"value": self.value}

    def plan(self, answers: Answers) -> Plan:
        value = _value(answers["value"])
        case = _case(value, self.cases, lenient=answers.dialect == "seed")
        tasks = self.defaults if case is None else self.cases[case]
        outputs = {"value": value, "defaults": case is None}
        if case is None and not self.defaults and answers.dialect != "seed":
            reason = f"No case for '{value}' and no defaults: the cases are {', '.join(self.cases)}"
            return Plan(ends=State.FAILED, outputs=outputs, reason=reason)
        return one_lane(enabled(tasks), outputs=outputs, detached=is_off(self.wait))


def _value(answer: Json) -> str:
    if isinstance(answer, Mapping) and isinstance(answer.get("value"), bool):
        answer = answer["value"]  # the whole output of a condition run as a task
    return "" if answer is None else as_text(answer)


def _case(value: str, cases: Mapping[str, object], *, lenient: bool) -> str | None:
    if value in cases:
        return value
    if lenient:
        for case in cases:
            if _equal_numbers(value, case):
                return case
        if "default" in cases:
            return "default"
    return None


def _equal_numbers(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return False


BY_KIND = Example(
    title="One branch a kind",
    inputs={"kind": "b"},
    logs=("beta",),
    outputs={"route": {"value": "b", "defaults": False}},
    flow="""
id: by-kind
namespace: demo
inputs:
  - {id: kind, type: STRING}
tasks:
  - id: route
    type: io.kestra.plugin.core.flow.Switch
    value: "{{ inputs.kind }}"
    cases:
      a:
        - {id: alpha, type: io.kestra.plugin.core.log.Log, message: alpha}
      b:
        - {id: beta, type: io.kestra.plugin.core.log.Log, message: beta}
    defaults:
      - {id: other, type: io.kestra.plugin.core.log.Log, message: something else}
""",
)
