"""`core.execution.UnsetVariables`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example
from flowbook.kinds.task import Update, UpdatingTask


class UnsetVariables(UpdatingTask):
    """Remove variables of this execution: those it has set, and the flow's own."""

    variables: Dynamic[tuple[str, ...]]
    """Their names; dots lead into maps."""
    ignore_missing: Dynamic[bool] = False
    """A name that isn't there is no failure."""

    def asks(self) -> Mapping[str, Json]:
        return {
            "variables": self.variables,
            "ignoreMissing": self.ignore_missing,
            "vars": Template("{{ vars }}", Any),
        }

    def update(self, answers: Answers, variables: Mapping[str, Json]) -> Update:
        names = [str(name) for name in answers.values("variables")]
        missing = [name for name in names if not _has(answers["vars"], name.split("."))]
        if missing and not answers.truth("ignoreMissing"):
            raise TaskFailed(f"No such variables in this execution: {', '.join(missing)}")
        return Update(unset=tuple(name for name in names if name not in missing))


def _has(values: Json, path: list[str]) -> bool:
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            return False
        values = values[name]
    return True


FORGET = Example(
    title="Set a variable and remove it",
    logs=("gone",),
    flow="""
id: set-and-forget
namespace: demo
tasks:
  - {id: keep, type: io.kestra.plugin.core.execution.SetVariables, variables: {temporary: 1}}
  - {id: forget, type: io.kestra.plugin.core.execution.UnsetVariables, variables: [temporary]}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ vars.temporary ?? 'gone' }}"}
""",
)
