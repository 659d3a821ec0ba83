"""Variables of a namespace in expressions."""

from __future__ import annotations

from pathlib import Path

import flowbook as fb

NAMESPACE = "io.kestra.plugin.core.namespace.UpdateNamespace"
FLOW = """
id: uses
namespace: team.data
tasks:
  - {id: up, type: %s, namespace: team, variables: {region: north, deep: {a: 1, b: 2}}}
  - {id: own, type: %s, namespace: team.data, description: Ours, variables: {deep: {b: 3}}}
  - id: show
    type: io.kestra.plugin.core.debug.Return
    format: "{{ namespace.region }} {{ namespace.variables.deep }} {{ namespace.id }} {{ namespace.description }}"
  - id: branch
    type: io.kestra.plugin.core.flow.If
    condition: "{{ namespace.deep.b == 3 }}"
    then: [{id: yes_, type: io.kestra.plugin.core.debug.Return, format: "{{ namespace.id }}"}]
""" % (NAMESPACE, NAMESPACE)  # noqa: UP031 - braces are the flow's


def test_they_are_seen_at_once_with_those_of_the_parents(tmp_path: Path) -> None:
    with fb.open(tmp_path, embedded=True) as workspace:
        run = workspace.run(FLOW)
        assert run.state == "SUCCESS", run.error
        assert run["show"].outputs["value"] == 'north {"a":1,"b":3} team.data Ours'
        assert run["yes_"].outputs["value"] == "team.data"
