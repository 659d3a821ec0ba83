"""`core.namespace.CreateNamespace`."""

from __future__ import annotations

from flowbook.kinds.part import Example

from .update_namespace import UpdateNamespace


class CreateNamespace(UpdateNamespace):
    """Make a namespace; one that is there is changed instead."""


TEAM = Example(
    title="A namespace for a team",
    outputs={"make": {"namespace": "demo.crew", "created": True}},
    flow="""
id: make-a-namespace
namespace: demo
tasks:
  - id: make
    type: io.kestra.plugin.core.namespace.CreateNamespace
    namespace: demo.crew
    description: Flows of the crew
""",
)
