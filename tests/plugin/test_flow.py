"""The control structures: what each asks, and the plan it makes of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from flowbook.errors import TaskFailed
from flowbook.kinds.answers import Answers
from flowbook.kinds.dynamic import Template
from flowbook.kinds.plan import Plan
from flowbook.kinds.state import State

from .conftest import task


def log(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "io.kestra.plugin.core.log.Log", "message": name, **more}


def plan(
    type_name: str,
    answers: dict[str, Any] | None = None,
    dialect: str = "kestra",
    **properties: Any,
) -> Plan:
    part = task(f"core.flow.{type_name}", **properties)
    asked = part.asks()
    assert not {name for name in answers or {} if name not in asked}
    return part.plan(Answers({**asked, **(answers or {})}, dialect=dialect))


def shape(made: Plan) -> list[list[str]]:
    return [[str(one.id) for one in lane.tasks] for lane in made.lanes]


AB = [log("a"), log("b")]


def test_sequential_is_one_lane() -> None:
    made = plan("Sequential", tasks=[log("a"), log("x", disabled=True), log("b")])
    assert (shape(made), made.width) == ([["a", "b"]], 1)


def test_nothing_enabled_is_no_lane() -> None:
    assert shape(plan("Sequential", tasks=[log("x", disabled=True)])) == []


def test_a_task_stands_after_what_it_depends_on() -> None:
    made = plan("Sequential", tasks=[log("a", dependsOn=["c"]), log("b"), log("c")])
    assert shape(made) == [["c", "a", "b"]]


def test_a_circle_of_dependencies_stays_as_written() -> None:
    made = plan("Sequential", tasks=[log("a", dependsOn=["b"]), log("b", dependsOn=["a"])])
    assert shape(made) == [["a", "b"]]


def test_parallel_is_a_lane_each() -> None:
    made = plan("Parallel", tasks=AB)
    assert (shape(made), made.width, made.detached) == ([["a"], ["b"]], None, False)


def test_parallel_takes_its_width_from_an_answer() -> None:
    assert plan("Parallel", {"concurrent": "3"}, tasks=AB, concurrent="{{ n }}").width == 3
    assert plan("Parallel", {"concurrent": 2}, tasks=AB, maxParallel="{{ n }}").width == 2


def test_a_negative_width_is_refused() -> None:
    with pytest.raises(TaskFailed, match=r"'concurrent' must be 0 \(no limit\) or more, but is -1"):
        plan("Parallel", tasks=AB, concurrent=-1)


def test_wait_false_detaches() -> None:
    assert plan("Parallel", tasks=AB, wait=False).detached
    assert plan("Sequential", tasks=AB, wait="false").detached


def test_allow_failure_settles_as_warning() -> None:
    part = task("core.flow.AllowFailure", tasks=AB)
    assert part.settle(State.FAILED) is State.WARNING
    assert part.settle(State.KILLED) is State.KILLED


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("true", True),
        ("no", True),
        ("", False),
        ("0", False),
        ("-0", False),
        ("false", False),
        (False, False),
    ],
    ids=repr,
)
def test_if_takes_a_branch(answer: Any, truth: bool) -> None:
    made = plan(
        "If", {"condition": answer}, condition="{{ x }}", then=[log("t")], **{"else": [log("e")]}
    )
    assert shape(made) == [["t" if truth else "e"]]
    assert made.outputs == {"evaluationResult": truth}


def test_if_without_the_branch_has_nothing_to_do() -> None:
    made = plan("If", {"condition": "false"}, condition="{{ x }}", then=[log("t")])
    assert (shape(made), made.ends) == ([], None)


def test_ifs_condition_may_be_a_boolean() -> None:
    part = task("core.flow.If", condition=True, then=[log("t")])
    assert part.asks()["condition"].source == "true"


CASES = {"a": [log("ta")], True: [log("tt")], 0.01: [log("tn")]}


@pytest.mark.parametrize(
    ("answer", "ids", "default"),
    [("a", ["ta"], False), (True, ["tt"], False), (0.01, ["tn"], False), ("z", ["td"], True)],
    ids=["text", "boolean", "number", "none"],
)
def test_switch_takes_a_case(answer: Any, ids: list[str], default: bool) -> None:
    made = plan("Switch", {"value": answer}, value="{{ x }}", cases=CASES, defaults=[log("td")])
    assert shape(made) == [ids]
    assert made.outputs["defaults"] is default


def test_switch_without_a_match_fails_and_names_the_cases() -> None:
    made = plan("Switch", {"value": "z"}, value="{{ x }}", cases={"a": AB})
    assert (made.ends, made.outputs) == (State.FAILED, {"value": "z", "defaults": True})
    assert made.reason == "No case for 'z' and no defaults: the cases are a"


def test_switch_is_lenient_in_the_seed_dialect() -> None:
    assert plan("Switch", {"value": "z"}, "seed", value="{{ x }}", cases={"a": AB}).ends is None
    cases = {"0": [log("zero")], "default": [log("other")]}
    assert shape(plan("Switch", {"value": "0.0"}, "seed", value="{{ x }}", cases=cases)) == [
        ["zero"]
    ]
    assert shape(plan("Switch", {"value": "9"}, "seed", value="{{ x }}", cases=cases)) == [
        ["other"]
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["x", "y", "x"], ["x", "y"]),
        ([1, 2.5, True], ["1", "2.5", "true"]),
        ([{"n": 1}, {"n": 2}], ['{"n":1}', '{"n":2}']),
        ("[1, 2]", ["1", "2"]),
        ("[]", []),
        ({"k": 1}, ['{"key":"k","value":1}']),
        ('{"k": 1}', ['{"key":"k","value":1}']),
    ],
    ids=["repeated", "numbers", "maps", "JSON text", "empty", "a map", "JSON of a map"],
)
def test_for_each_has_a_lane_for_each_value(values: Any, expected: list[str]) -> None:
    made = plan("ForEach", {"values": values}, values="{{ x }}", tasks=AB)
    assert [lane.value for lane in made.lanes] == expected
    assert all(len(lane.tasks) == 2 for lane in made.lanes)
    assert made.width == 1


def test_for_each_knows_the_keys_of_a_map() -> None:
    made = plan("ForEach", {"values": {"k": 1, "l": 2}}, values="{{ x }}", tasks=AB)
    assert [lane.key for lane in made.lanes] == ["k", "l"]


def test_for_each_over_many_values_makes_its_lanes_late() -> None:
    made = plan(
        "ForEach", {"values": list(range(100_000))}, values="{{ x }}", tasks=AB, concurrencyLimit=0
    )
    assert (len(made.lanes), made.width) == (100_000, None)
    assert made.lanes[99_999].value == "99999"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([None, "a"], r"Found '1' null values on Each, with values=\[null,\"a\"\]"),
        ("abc", "'values' must be a JSON list, but is 'abc'"),
        (5, "'values' must be a list, but is '5'"),
    ],
    ids=["null", "text", "number"],
)
def test_for_each_refuses(values: Any, message: str) -> None:
    with pytest.raises(TaskFailed, match=message):
        plan("ForEach", {"values": values}, values="{{ x }}", tasks=AB)


def test_each_parallel_splits_an_iteration() -> None:
    made = plan("EachParallel", value=["1", "2"], tasks=AB)
    assert shape(made) == [["a"], ["b"], ["a"], ["b"]]


def test_each_parallel_keeps_the_order_of_dependencies() -> None:
    made = plan("EachParallel", value=["1", "2"], tasks=[log("a", dependsOn=["b"]), log("b")])
    assert shape(made) == [["b", "a"], ["b", "a"]]


def test_each_sequential_goes_one_by_one() -> None:
    made = plan("EachSequential", value='["1", "2"]', tasks=AB)
    assert (shape(made), made.width) == ([["a", "b"], ["a", "b"]], 1)


def test_dag_knows_what_comes_before() -> None:
    items = [
        {"task": log("a")},
        {"task": log("off", disabled=True)},
        {"task": log("b"), "dependsOn": ["a", "off"]},
        log("c", dependsOn="a"),
    ]
    made = plan("Dag", tasks=items)
    assert shape(made) == [["a"], ["b"], ["c"]]
    assert made.after == {"b": frozenset({"a"}), "c": frozenset({"a"})}


def test_subflow_says_which_execution() -> None:
    part = task(
        "core.flow.Subflow",
        namespace="demo",
        flowId="{{ flow }}",
        revision=2,
        inputs={"n": "{{ 1 }}"},
        labels={"stage": True},
        transmit=[{"name": "extra", "value": [1]}],
        wait=False,
    )
    answers = {
        "namespace": "demo",
        "flowId": "child",
        "inputs": {"n": 1},
        "transmit": {"extra": [1]},
    }
    (new,) = part.executions(Answers({**part.asks(), **answers}))
    assert isinstance(part.asks()["flowId"], Template)
    assert (new.namespace, new.flow_id, new.revision) == ("demo", "child", 2)
    assert new.inputs == {"n": 1, "extra": [1]}
    assert new.labels == [{"key": "stage", "value": "true"}]
    assert (part.waits(), part.transmits()) == (False, True)


def test_subflow_refuses_labels_of_the_system() -> None:
    part = task("core.flow.Subflow", namespace="a", flowId="b", labels={"system.x": "1"})
    with pytest.raises(TaskFailed, match="System labels can only be set by the system"):
        part.executions(Answers(part.asks()))
