"""`core.namespace.UpdateNamespace`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, Field

from flowbook.kinds.context import Context
from flowbook.kinds.dynamic import Dynamic, Json
from flowbook.kinds.part import Example
from flowbook.kinds.task import RunnableTask
from flowbook.plugin.core.execution.set_variables import merged


class UpdateNamespace(RunnableTask):
    """Change a namespace: its description, variables and defaults; one that isn't there is made."""

    namespace: Dynamic[str]
    """The namespace."""
    description: Dynamic[str | None] = None
    """What it is for."""
    variables: Json = None
    """Variables, merged with those that are there."""
    permissions: Json = None
    """Accepted; who may do what is the Jupyter server's matter."""
    plugin_defaults: Json = Field(
        None, validation_alias=AliasChoices("pluginDefaults", "taskDefaults", "plugin_defaults")
    )
    """Defaults for tasks of its flows."""
    flow_defaults: Json = None
    """Accepted and left alone."""

    async def run(self, context: Context) -> dict[str, Json]:
        name = await context.render(self.namespace)
        store = context.engine.store
        rows = await store.query("select * from namespaces where id = $id", id=name)
        old: Mapping[str, Any] = rows[0] if rows else {}
        given = await context.render_json(self.variables, typed=True) or {}
        description = await context.render(self.description)
        defaults = await context.render_json(self.plugin_defaults, typed=True)
        row = {
            "table": "namespaces",
            "id": name,
            "description": description if description is not None else old.get("description"),
            "variables": merged(old.get("variables") or {}, given),
            "plugin_defaults": defaults if defaults is not None else old.get("plugin_defaults"),
            "secrets": old.get("secrets"),
            "updated_at": context.now(),
        }
        await store.transact("put_rows", rows=[row])
        return {"namespace": name, "created": not rows, "variables": row["variables"]}


SETTINGS = Example(
    title="Set variables of a namespace",
    outputs={"set": {"namespace": "demo.team", "created": True, "variables": {"region": "north"}}},
    flow="""
id: set-namespace-variables
namespace: demo
tasks:
  - id: set
    type: io.kestra.plugin.core.namespace.UpdateNamespace
    namespace: demo.team
    variables: {region: north}
""",
)
