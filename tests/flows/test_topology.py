"""The shape of a flow as something to draw."""

from __future__ import annotations

from typing import Any

from flowbook.flows.parse import examine
from flowbook.flows.topology import topology


def shape(tasks: str, rest: str = "") -> dict[str, Any]:
    flow, problems = examine(f"id: drawn\nnamespace: demo\n{rest}tasks:\n{tasks}")
    assert flow is not None, problems
    return topology(flow)


def log(name: str, more: str = "") -> str:
    return f"{{id: {name}, type: io.kestra.plugin.core.log.Log, message: x{more}}}"


def test_a_chain_with_its_ends() -> None:
    drawn = shape(
        f"  - {log('a')}\n  - {log('b')}\n  - {log('off', ', disabled: true')}\n",
        f"errors: [{log('e')}]\nfinally: [{log('f')}]\nafterExecution: [{log('x')}]\n",
    )
    assert drawn["layout"] == "chain"
    assert [node["id"] for node in drawn["children"]] == ["a", "b"]
    assert [drawn[key][0]["id"] for key in ("errors", "finally", "afterExecution")] == [
        "e",
        "f",
        "x",
    ]
    assert drawn["children"][0] == {
        "id": "a",
        "type": "core.log.Log",
        "kind": "task",
        "children": [],
    }


def test_groups_loops_and_branches() -> None:
    drawn = shape(
        f"  - {{id: p, type: io.kestra.plugin.core.flow.Parallel, tasks: [{log('a')}], errors: [{log('e')}]}}\n"
        f"  - {{id: l, type: io.kestra.plugin.core.flow.ForEach, values: [1], tasks: [{log('b')}]}}\n"
        f"  - {{id: s, type: io.kestra.plugin.core.flow.Switch, value: x, cases: {{one: [{log('c')}]}}, "
        f"defaults: [{log('d')}]}}\n"
    )
    parallel, loop, switch = drawn["children"]
    assert (parallel["kind"], parallel["layout"]) == ("group", "parallel")
    assert parallel["errors"][0]["id"] == "e"
    assert (loop["kind"], loop["layout"]) == ("loop", "chain")
    assert switch["layout"] == "branches"
    assert [(each["name"], each["children"][0]["id"]) for each in switch["branches"]] == [
        ("one", "c"),
        ("defaults", "d"),
    ]


def test_a_dag_has_edges() -> None:
    drawn = shape(
        "  - id: g\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n"
        f"      - task: {log('a')}\n      - task: {log('b')}\n        dependsOn: [a]\n"
    )
    (dag,) = drawn["children"]
    assert (dag["layout"], dag["edges"]) == ("dag", [["a", "b"]])


def test_dependencies_between_ordinary_tasks_are_edges_too() -> None:
    drawn = shape(f"  - {log('a')}\n  - {log('b', ', dependsOn: [a]')}\n")
    assert (drawn["layout"], drawn["edges"]) == ("dag", [["a", "b"]])


def test_holes_are_empty_nodes() -> None:
    assert [node["kind"] for node in shape("  - id: later\n")["children"]] == ["hole"]
    flow, _ = examine("id: later\nnamespace: demo\n")
    assert flow is not None
    assert [node["kind"] for node in topology(flow)["children"]] == ["hole"]


def test_cells_are_joined_by_what_they_come_after() -> None:
    cells = [("load", ""), ("plot", ", after: [load]"), ("total", ", after: [load]")]
    lines = [
        f"  - {{id: {name}, type: flowbook.jupyter.Cell, code: x{more}}}\n" for name, more in cells
    ]

    drawn = shape("".join(lines))
    assert (drawn["layout"], drawn["edges"]) == ("dag", [["load", "plot"], ["load", "total"]])
    assert shape("".join(lines) + f"  - {log('say')}\n")["layout"] == "chain"
