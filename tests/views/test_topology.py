"""What task runs, cells and outputs say on the nodes of a flow."""

from __future__ import annotations

from typing import Any

import pytest

from flowbook.views.topology import FIELDS, Graph, Node, graph


def run(task: str, state: str = "SUCCESS", **more: Any) -> dict[str, Any]:
    number = more.get("iteration")
    id = f"{task}-{'' if number is None else number}"
    return {"id": id, "task_id": task, "state": state, "started_at": 1.0, "ended_at": 2.0, **more}


def node(of: Graph, id: str) -> Node:
    return next(node for node, _ in of.nodes() if node.id == id)


TASK = {"id": "a", "type": "core.log.Log", "kind": "task"}
LOOP = {
    "id": "each",
    "type": "core.flow.ForEach",
    "kind": "loop",
    "children": [{"id": "one", "kind": "task"}, {"id": "two", "kind": "task"}],
}
IF = {
    "id": "if",
    "type": "core.flow.If",
    "kind": "group",
    "layout": "branches",
    "branches": [
        {"name": "then", "children": [{"id": "yes", "kind": "task"}]},
        {"name": "else", "children": [{"id": "no", "kind": "task"}]},
    ],
}


def test_a_task_without_a_run_has_no_state() -> None:
    found = node(graph({"children": [TASK]}, []), "a")
    assert (found.state, found.meta) == (None, ("log",))


def looped(rows: list[dict[str, Any]], lanes: int | None = None) -> Node:
    progress = None if lanes is None else {"lanes": lanes}
    loop = run("each", "RUNNING", progress=progress)
    inside = [{**row, "parent_id": loop["id"]} for row in rows]
    return node(graph({"children": [LOOP]}, [loop, *inside]), "each")


def test_an_iteration_is_over_when_all_its_tasks_are() -> None:
    rows = [
        run("one", iteration=0, value="x"),
        run("two", iteration=0, value="x"),
        run("one", iteration=1, value="y"),
        run("one", "FAILED", iteration=2, value="z"),
        run("one", "CREATED", iteration=3, value="w"),
    ]
    found = looped(rows, lanes=6)
    assert found.marks == "srfc.."
    assert found.count == "2 of 6"
    assert found.titles == ("x", "y", "z", "w")
    assert found.summary == "1 success · 1 failed · 1 running · 1 created · 2 to come"


def test_iterations_stand_in_their_order_however_they_come() -> None:
    states = {9: "FAILED", 10: "SUCCESS", 2: "KILLED"}
    rows = [
        run(task, state, iteration=number)
        for number, state in states.items()
        for task in ("one", "two")
    ]
    assert looped(rows).marks == "kfs"


def test_a_field_stands_for_several_when_there_are_too_many() -> None:
    rows = [
        run(task, "FAILED" if number == 1001 else "SUCCESS", iteration=number)
        for number in range(2000)
        for task in ("one", "two")
    ]
    found = looped(rows, lanes=2000)
    assert found.per_field == 5
    assert len(found.marks) == 400 <= FIELDS
    assert found.marks.index("f") == 1001 // 5
    assert found.summary == "1,999 success · 1 failed"


def test_the_branch_that_was_not_taken_is_marked() -> None:
    rows = [run("if"), run("no", parent_id="if-")]
    found = node(graph({"children": [IF]}, rows), "if")
    assert [(lane.name, lane.taken) for lane in found.lanes] == [("then", False), ("else", True)]
    assert found.count == "1 of 1"


def test_the_task_runs_to_come_are_counted() -> None:
    tree = {"children": [TASK, LOOP, IF], "errors": [{"id": "mend", "kind": "task"}]}
    loop = run("each", "RUNNING", progress={"lanes": 10})
    # a, each with ten times two, if with one branch; errors only once they start
    assert graph(tree, [loop]).expected == 1 + (1 + 20) + (1 + 1)


CELLS = [("DONE", "d"), ("RUNNING", "r"), ("FAILED", "f"), ("SKIPPED", "s"), ("WAITING", ".")]


@pytest.mark.parametrize(("state", "letter"), CELLS, ids=[state for state, _ in CELLS])
def test_a_cell_is_a_letter(state: str, letter: str) -> None:
    cells = [{"task_run_id": "a-", "attempt": 1, "cell": 1, "state": state}]
    found = node(graph({"children": [TASK]}, [run("a", "RUNNING")], cells), "a")
    assert found.cells == letter


def test_only_the_last_attempt_and_the_last_record_of_a_cell_count() -> None:
    cells = [
        {"task_run_id": "a-", "attempt": 1, "cell": 1, "state": "FAILED"},
        {"task_run_id": "a-", "attempt": 2, "cell": 0, "state": "DONE"},
        {"task_run_id": "a-", "attempt": 2, "cell": 1, "state": "RUNNING"},
        {"task_run_id": "a-", "attempt": 2, "cell": 2, "state": "WAITING"},
        {"task_run_id": "a-", "attempt": 2, "cell": 1, "state": "DONE"},
    ]
    found = node(graph({"children": [TASK]}, [run("a", "RUNNING")], cells), "a")
    assert (found.cells, found.meta) == ("d.", ("1 of 2 cells",))


FACTS: list[tuple[Any, str]] = [
    ({"uri": "kestra:///x.csv", "length": 86_000}, "86 kB"),
    ({"rows": [{"a": 1}]}, "1 row"),
    ({"size": 48}, "48 rows"),
    ({"vars": {"frame": {"uri": "kestra:///x.parquet", "rows": 1461}}}, "1,461 rows"),
    ({"code": 204}, "204"),
    ({"exitCode": 0}, ""),
    ({"value": "x"}, ""),
    ('{"size": 2}', "2 rows"),
    (None, ""),
]


@pytest.mark.parametrize(("outputs", "fact"), FACTS)
def test_outputs_give_one_fact(outputs: Any, fact: str) -> None:
    rows = [{"task_run_id": "a-", "task_id": "a", "outputs": outputs}]
    found = node(graph({"children": [TASK]}, [run("a")], (), rows), "a")
    assert found.meta == (("log", fact) if fact else ("log",))


def test_progress_is_shown_while_it_runs() -> None:
    rows = [run("a", "RUNNING", progress={"fraction": 0.25, "text": ""})]
    assert node(graph({"children": [TASK]}, rows), "a").meta == ("log", "25 %")
