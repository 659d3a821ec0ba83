"""`core.flow.Subflow`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example, Written
from flowbook.kinds.task import ExecutableTask, NewExecution
from flowbook.plugin.spelling import AnyCase

from .label_list import label_list
from .turns import is_off, question


class RestartBehavior(AnyCase):
    """What a restart of the parent does with a failed child."""

    RETRY_FAILED = "RETRY_FAILED"
    NEW_EXECUTION = "NEW_EXECUTION"


class Transmitted(Written):
    """A value handed to an input of the child."""

    name: str
    """The input's id."""
    value: Json = None
    """Its value."""


class Received(Written):
    """The name of an output of the child."""

    name: str
    """The output's name."""


class Subflow(ExecutableTask):
    """Run another flow, and wait for its end unless told otherwise."""

    aliases: ClassVar[tuple[str, ...]] = (
        "io.kestra.core.tasks.flows.Subflow",
        "io.kestra.core.tasks.flows.Flow",
    )

    namespace: Dynamic[str]
    """The flow's namespace."""
    flow_id: Dynamic[str]
    """The flow's id."""
    revision: Dynamic[int | None] = None
    """One revision of it; without it the latest."""
    inputs: Dynamic[Mapping[str, Json] | None] = None
    """Values for its inputs."""
    labels: Dynamic[Json] = None
    """Labels of the child, as a map or a list of `{key, value}`."""
    inherit_labels: Dynamic[bool] = False
    """Give the child all labels of this execution."""
    wait: Json = True
    """Wait for the child's end; else the task is done when the child exists."""
    transmit_failed: Json = True
    """End as the child does; else SUCCESS, whatever comes out."""
    schedule_date: Dynamic[str | None] = None
    """Start the child at this date."""
    outputs: Json = None
    """Outputs rendered against the child, if its flow declares none. Declare them on the flow instead."""
    restart_behavior: RestartBehavior = RestartBehavior.RETRY_FAILED
    """On a restart: try the failed child again, or start another."""
    transmit: tuple[Transmitted, ...] = ()
    """Values for the child's inputs, as a list of `{name, value}`; types are kept."""
    receive: tuple[Received, ...] = ()
    """Which of the child's outputs appear under `outputs`."""

    def asks(self) -> Mapping[str, Json]:
        asked: dict[str, Json] = {
            "namespace": self.namespace,
            "flowId": self.flow_id,
            "revision": self.revision,
            "inputs": self.inputs,
            "labels": self.labels,
            "inheritLabels": self.inherit_labels,
            "scheduleDate": self.schedule_date,
        }
        if self.transmit:
            given: Any = {item.name: item.value for item in self.transmit}
            asked["transmit"] = question(given)
        return asked

    def executions(self, answers: Answers) -> Sequence[NewExecution]:
        labels = label_list(answers["labels"])
        inputs = answers["inputs"] or {}
        if not isinstance(inputs, Mapping):
            raise TaskFailed(f"'inputs' must be a map, but is '{inputs}'")
        date = answers["scheduleDate"]
        return [
            NewExecution(
                namespace=answers.text("namespace"),
                flow_id=answers.text("flowId"),
                revision=None if answers["revision"] is None else answers.number("revision"),
                inputs={**inputs, **(answers.get("transmit") or {})},
                labels=labels,
                inherit_labels=answers.truth("inheritLabels"),
                schedule_date=None if date is None else str(date),
            )
        ]

    def waits(self) -> bool:
        return not is_off(self.wait)

    def transmits(self) -> bool:
        return not is_off(self.transmit_failed)

    def restarts_child(self) -> bool:
        return self.restart_behavior is RestartBehavior.RETRY_FAILED

    def picks(self) -> Mapping[str, Json]:
        given = self.outputs if isinstance(self.outputs, Mapping) else {}
        return {name: Template(value, Any) for name, value in given.items()}

    def receives(self) -> Sequence[str] | None:
        return [each.name for each in self.receive] or None

    def target(self) -> tuple[str, str] | None:
        """Namespace and id of the flow, if they are known without running."""
        if isinstance(self.namespace, Template) or isinstance(self.flow_id, Template):
            return None
        return self.namespace, self.flow_id


CHILD = Example(
    title="Run another flow and use its outputs",
    flows=(
        """
id: child
namespace: demo
inputs: [{id: n, type: INT}]
tasks:
  - {id: done, type: io.kestra.plugin.core.debug.Return, format: "done"}
outputs: [{id: double, type: INT, value: "{{ inputs.n * 2 }}"}]
""",
    ),
    logs=("42",),
    flow="""
id: parent
namespace: demo
tasks:
  - id: child
    type: io.kestra.plugin.core.flow.Subflow
    namespace: demo
    flowId: child
    inputs: {n: 21}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.child.outputs.double }}"}
""",
)
