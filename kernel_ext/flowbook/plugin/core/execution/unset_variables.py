"""`core.execution.UnsetVariables`."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import Update, UpdatingTask


class UnsetVariables(UpdatingTask):
    """Remove variables that this execution has set."""

    variables: Dynamic[tuple[str, ...]]
    """Their names; dots lead into maps."""
    ignore_missing: Dynamic[bool] = False
    """A name that isn't there is no failure."""

    def asks(self) -> Mapping[str, Json]:
        return {"variables": self.variables, "ignoreMissing": self.ignore_missing}

    def update(self, answers: Answers, variables: Mapping[str, Json]) -> Update:
        left = deepcopy(dict(variables))
        names = answers.values("variables")
        missing = [name for name in names if not _removed(left, str(name).split("."))]
        if missing and not answers.truth("ignoreMissing"):
            raise TaskFailed(f"No such variables in this execution: {', '.join(missing)}")
        return Update(variables=left)


def _removed(values: dict[str, Json], path: list[str]) -> bool:
    *above, last = path
    for name in above:
        inner = values.get(name)
        if not isinstance(inner, dict):
            return False
        values = inner
    if last not in values:
        return False
    del values[last]
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
