"""Whatever stands in a text, `examine` answers; it never raises and its places are in the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowbook.flows.parse import examine, is_flow, parse_all

SEEDS = [path.read_text() for path in sorted(Path(__file__).with_name("seeds").glob("*.yaml"))]
TYPES = [
    "core.log.Log",
    "core.flow.Sequential",
    "core.flow.Parallel",
    "core.flow.Switch",
    "core.flow.If",
    "core.flow.Dag",
    "core.flow.ForEach",
    "core.flow.Subflow",
    "core.trigger.Schedule",
    "core.trigger.Flow",
    "STRING",
    "INT",
    "ARRAY",
    "SELECT",
    "MULTISELECT",
    "DATE",
    "constant",
    "random",
    "MAX_DURATION",
    "nobody.Knows",
]
KEYS = [
    "id",
    "namespace",
    "tasks",
    "errors",
    "finally",
    "afterExecution",
    "listeners",
    "triggers",
    "inputs",
    "outputs",
    "variables",
    "labels",
    "retry",
    "type",
    "cases",
    "defaults",
    "then",
    "else",
    "dependsOn",
    "task",
    "values",
    "value",
    "condition",
    "cron",
    "timezone",
    "pluginDefaults",
    "taskDefaults",
    "concurrency",
    "sla",
    "checks",
    "interval",
    "maxDuration",
    "when",
    "runIf",
    "dialect",
    "name",
    "choices",
    "expression",
    "itemType",
    "conditions",
    "transmit",
    "send",
    "flowId",
    "<<",
]
SCALARS = (
    st.sampled_from(
        [*TYPES, "a", "b", "a.b", "{{ outputs.a }}", "{{ broken", "{% if %}", "PT1S", "x"]
    )
    | st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=True)
    | st.text(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
ROOTS = st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=8)
CALM = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def answers(text: str) -> None:
    """Reading comes to an end, with problems that say something and lie inside the text."""
    is_flow(text)
    rows = text.count("\n") + 1
    for flow, problems in parse_all(text):
        assert flow is not None or any(problem.is_error for problem in problems)
        assert all(problem.message for problem in problems)
        assert all(1 <= (problem.line or 1) <= rows + 1 for problem in problems)


@CALM
@given(ROOTS)
def test_any_tree_is_answered(root: Any) -> None:
    answers(yaml.safe_dump(root, allow_unicode=True))


@CALM
@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    answers(text)


@CALM
@given(st.sampled_from(SEEDS), st.data())
def test_a_damaged_flow_is_answered(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 30))
    put = data.draw(
        st.sampled_from(["", " ", "\t", "{{", "}}", "'", '"', ":", "- ", "\n", "&a", "*a", "|"])
    )
    answers(text[:start] + put + text[start + length :])


@pytest.mark.parametrize(
    "text",
    [
        "id: x\nnamespace: d\ntasks: [1, null, [a], {}]\n",
        "id: x\nnamespace: d\ntasks: [{id: [1], type: {a: b}}]\n",
        "id: x\nnamespace: d\ntasks: [{id: t, type: core.flow.Switch, cases: [1]}]\n",
        "id: x\nnamespace: d\ntasks: [{id: t, type: core.flow.Dag, tasks: {a: 1}}]\n",
        "id: x\nnamespace: d\ntasks: [{id: t, type: core.flow.Dag, tasks: [{dependsOn: {a: 1}}]}]\n",
        "id: x\nnamespace: d\ninputs: {a: 1}\ntasks: []\n",
        "id: x\nnamespace: d\nlabels: 5\ntriggers: [5]\noutputs: x\n",
        "id: x\nnamespace: d\npluginDefaults: [5, {type: 5, values: 5}]\ntasks: x\n",
        "id: x\nnamespace: d\nretry: [1]\nsla: {a: 1}\nchecks: [1]\n",
    ],
)
def test_odd_shapes_are_refused_in_words(text: str) -> None:
    flow, problems = examine(text)
    assert flow is None
    assert [problem for problem in problems if problem.is_error]
