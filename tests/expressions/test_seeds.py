"""Templates of real flows: all are read in both dialects, and the lenient dialect renders them from nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, parse, render, render_typed, truthy

TEMPLATES: list[str] = json.loads(
    Path(__file__).with_name("seed_templates.json").read_text(encoding="utf-8")
)
EMPTY: dict[str, Any] = {
    "inputs": {},
    "outputs": {},
    "vars": {},
    "taskrun": {},
    "trigger": {},
    "execution": {"id": "x", "startDate": "2026-01-01T00:00:00Z"},
    "flow": {"id": "f", "namespace": "acme.sales"},
}
SERVICES = {"secret": lambda key, *args, **kwargs: "s", "kv": lambda key, *args, **kwargs: None}
CALCULATING = ("could not perform",)
"""What even the lenient dialect refuses: to calculate with what is missing."""


@pytest.mark.parametrize("dialect", ["kestra", "seed"])
@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_a_seed_template_is_read(template: str, dialect: str) -> None:
    assert not parse(template, dialect).is_literal


@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_a_seed_template_renders_leniently(template: str) -> None:
    scope = Scope(EMPTY, services=SERVICES, dialect="seed")
    try:
        assert isinstance(render(template, scope), str)
    except ExpressionError as error:
        if not any(words in str(error).lower() for words in CALCULATING):
            raise


SEED = Scope(
    {
        "inputs": {"n": 3, "order": {"items": [{"sku": "a"}]}, "kind": "b"},
        "outputs": {
            "call-subflow": {"outputs": {"report": "ok"}, "state": "SUCCESS"},
            "fetch": {
                "body": {"data": [{"id": 1, "c": 2}, {"id": 5}], "files": ["f1"]},
                "rows": [{"null_count": "0"}],
            },
            "split": {"vars": {"batches": [["x"], ["y", "z"]]}},
            "skipped": None,
        },
        "vars": {"pools": {"b": {"max": 4}}, "on": ["logging"], "counts": {"p": 1, "q": 2}},
        "taskloop": {"index": 2, "value": {"id": 7}},
        "task": {"value": ["u", "v"]},
        "taskrun": {"value": "7"},
        "execution": {"startDate": "2026-01-01T00:00:00Z"},
    },
    dialect="seed",
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ outputs.call-subflow.outputs.report }}", "ok"),
        ("{{ 'process_' + taskloop.index }}", "process_2"),
        ("process_item_{{ 'p' + 1 | string }}", "process_item_p1"),
        ("{{ task.value | tojson }} {{ task.value | length }}", '["u","v"] 2'),
        ("{{ outputs.fetch.body.data[-1].id }}", "5"),
        ("{{ outputs.fetch.body.data | map('id') | list }}", "[1,5]"),
        ("{{ outputs.fetch.rows[0]['null_count'] | int == 0 }}", "true"),
        ("{{ vars.pools[inputs.kind].max }}", "4"),
        ("{{ outputs.gone.value | default(0) }}", "0"),
        ("{{ outputs.gone.value | default({}) | tojson }}", "{}"),
        ("{{ outputs.skipped != null or outputs.gone.state == 'X' }}", "false"),
        (
            "{% for k, v in vars.counts.items() %}{{ k }}={{ v }}{{ ',' if not loop.last }}{% endfor %}",
            "p=1,q=2",
        ),
        ("{% for i in range(1, inputs.n + 1) %}{{ i }}{% endfor %}", "123"),
        (
            "{{ range('2024-01-01', '2024-01-03', 'P1D') | join('\\n') }}",
            "2024-01-01\n2024-01-02\n2024-01-03",
        ),
        ("{{ inputs.order.items | map(attribute='sku') | join }}", "a"),
        ("{{ outputs.fetch.body | jq('.files[]') }}", '["f1"]'),
        ("{{ (0.4567 | round(2)) * 100 }}", "46.0"),
        ("{{ 'yes' if inputs.n > 2 else 'no' }}", "yes"),
        ("{{ (now() - execution.startDate).totalSeconds() > 0 }}", "true"),
        ("{{ now().timestamp() | int > 0 }} {{ random() < 1 }}", "true true"),
        ("{{ '[1]' | fromjson | first }}", "1"),
        ("{{ parent.execution.id }}", ""),
        ("{{ 7 / 2 }} {{ 'a' ~ 'b' | upper }}", "3.5 aB"),
    ],
)
def test_the_seeds_patterns_work(template: str, expected: str) -> None:
    assert render(template, SEED) == expected


def test_a_seed_template_gives_lists_for_loops() -> None:
    assert render_typed("{{ outputs.split.vars.batches }}", SEED) == [["x"], ["y", "z"]]


def test_a_seed_condition_without_delimiters() -> None:
    assert truthy("'logging' in vars.on", SEED)
    assert not truthy("{{ outputs.skipped != null }}", SEED)


def test_variables_that_are_templates_are_rendered_when_looked_at() -> None:
    variables = {
        "execution": {"id": "x1"},
        "vars": {
            "batch": "batch_{{ execution.id }}",
            "n": "{{ 1 + 2 }}",
            "deep": {"l": ["{{ vars.n }}"]},
            "gone": "{{ vars.gone }}",
        },
        "namespace": {"id": "acme", "variables": {"bucket": "s3://{{ namespace.id }}"}},
        "inputs": {"raw": "{{ execution.id }}"},
    }
    seed = Scope(variables, dialect="seed")
    assert (
        render("{{ vars.batch }} {{ vars.n + 1 }} {{ namespace.variables.bucket }}", seed)
        == "batch_x1 4 s3://acme"
    )
    assert render("{{ vars.deep }} {{ inputs.raw }}", seed) == '{"l":[3]} {{ execution.id }}'
    assert render_typed("{{ vars.deep }}", seed) == {"l": [3]}
    assert type(render_typed("{{ vars.deep }}", seed)) is dict
    assert render("{{ vars.batch }}", Scope(variables)) == "batch_{{ execution.id }}"
    with pytest.raises(ExpressionError, match="Too many rendering attempts"):
        render("{{ vars.gone }}", seed)


def test_missing_names_are_noted_for_the_log() -> None:
    noted: list[str] = []
    scope = Scope({"outputs": {}}, services={"undefined": noted.append}, dialect="seed")
    assert render("{{ outputs.a.value }}{{ gone }}", scope) == ""
    assert noted == ["a", "gone"]
