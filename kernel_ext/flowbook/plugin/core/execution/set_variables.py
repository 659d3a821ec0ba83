"""`core.execution.SetVariables`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Dynamic, Json, Template
from flowbook.kinds.part import Example
from flowbook.kinds.task import Update, UpdatingTask


class SetVariables(UpdatingTask):
    """Set variables of this execution; later tasks see them under `vars`."""

    variables: Dynamic[Mapping[str, Json]]
    """Names and values; a map is merged into one that is there."""
    overwrite: Dynamic[bool] = True
    """Replace values that are there; else that is a failure."""

    def asks(self) -> Mapping[str, Json]:
        return {
            "variables": self.variables,
            "overwrite": self.overwrite,
            "vars": Template("{{ vars }}", Any),
        }

    def update(self, answers: Answers, variables: Mapping[str, Json]) -> Update:
        given = answers["variables"]
        known = [name for name in given if name in (answers["vars"] or {})]
        if known and not answers.truth("overwrite"):
            raise TaskFailed(
                f"Variables exist and `overwrite` is set to `false`: {', '.join(known)}"
            )
        return Update(variables=merged(variables, given))


def merged(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """Both maps, deep; the new one's values win."""
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = merged(before, value) if both else value  # type: ignore[arg-type]  # both are maps
    return result


COUNT = Example(
    title="Remember something for later tasks",
    logs=("2 of 3",),
    flow="""
id: remember
namespace: demo
variables: {total: 3}
tasks:
  - id: keep
    type: io.kestra.plugin.core.execution.SetVariables
    variables: {done: 2}
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ vars.done }} of {{ vars.total }}"}
""",
)
