"""`core.execution.Labels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Update, UpdatingTask
from flowbook.plugin.core.flow.label_list import label_list


class Labels(UpdatingTask):
    """Add labels to this execution; a key that is there gets the new value."""

    aliases: ClassVar[tuple[str, ...]] = ("io.kestra.core.tasks.executions.Labels",)

    labels: Dynamic[Json]
    """A map, a list of `{key, value}`, or the JSON text of one."""

    def asks(self) -> Mapping[str, Json]:
        return {"labels": self.labels}

    def update(self, answers: Answers, variables: Mapping[str, Json]) -> Update:
        return Update(labels={one["key"]: one["value"] for one in label_list(answers["labels"])})


STAGE = Example(
    title="Say how far the execution is",
    logs=("loaded",),
    flow="""
id: say-the-stage
namespace: demo
tasks:
  - id: mark
    type: io.kestra.plugin.core.execution.Labels
    labels: {stage: loaded}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ labels.stage }}"}
""",
)
