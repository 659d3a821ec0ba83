"""What a parsed template says about itself."""

from __future__ import annotations

import pytest

from flowbook.expressions.render import Template, is_dynamic, parse


@pytest.mark.parametrize(
    ("template", "reads"),
    [
        ("plain", set()),
        ("{{ inputs.a }} {{ outputs['b'].c }}", {"inputs", "outputs"}),
        ("{% for x in vars.list %}{{ x }}{{ loop.index }}{% endfor %}", {"vars"}),
        ("{% set y = inputs.a %}{{ y }}", {"inputs"}),
        ("{% macro m(a) %}{{ a }}{{ vars.x }}{% endmacro %}{{ m(1) }}", {"vars"}),
        ("{{ a ?? b ~ c }}", {"a", "b", "c"}),
        ("{{ gone is defined }}", {"gone"}),
        ("{{ outputs.my-task.v }}", {"outputs"}),
        ('{{ "x#{inputs.y}" }}', {"inputs"}),
        ("{% raw %}{{ x }}{% endraw %}", set()),
        ("{{ {key: 1} }}", {"key"}),
        ("{{ x }}{% set x = 1 %}", {"x"}),
        ("{% for i in l %}{% set t = t + i %}{% endfor %}", {"l"}),
    ],
)
def test_a_template_knows_what_it_reads(template: str, reads: set[str]) -> None:
    found = parse(template).reads
    assert found - {"loop"} == reads


@pytest.mark.parametrize(
    ("template", "paths"),
    [
        ("{{ outputs.extract.uri }}", {("outputs", "extract", "uri")}),
        ("{{ outputs['a-b'].c[0] | first }}", {("outputs", "a-b", "c", "0")}),
        ("{{ outputs.my-task.value }}", {("outputs", "my-task", "value")}),
        ("{{ outputs[inputs.name].v }}", {("outputs",), ("inputs", "name")}),
        ("{{ inputs.a.upper() ~ inputs.b }}", {("inputs", "a"), ("inputs", "b")}),
        ("{% for x in outputs.q.rows %}{{ x.n }}{% endfor %}", {("outputs", "q", "rows")}),
        ("{{ outputs.a.v ?? outputs.b.v }}", {("outputs", "a", "v"), ("outputs", "b", "v")}),
    ],
)
def test_a_template_knows_its_lookups(template: str, paths: set[tuple[str, ...]]) -> None:
    assert set(parse(template).paths) == paths


@pytest.mark.parametrize(
    ("template", "needs"),
    [
        ("plain", False),
        ("{{ inputs.a | upper }}", False),
        ("{{ kv('k') }}", True),
        ("{{ secret('k') ~ 'x' }}", True),
        ("{{ a ?? read('f') }}", True),
        ("{{ render(vars.x) }}", True),
        ("{{ now() }}{{ uuid() }}", False),
        ("{{ a | jq('.b[0]') }}", False),
        ("{{ a | jq('[range(10)]') }}", True),
        ("{{ a | jq(vars.program) }}", True),
    ],
)
def test_a_template_that_may_wait_needs_a_thread(template: str, needs: bool) -> None:
    assert parse(template).needs_thread is needs


def test_calls_are_functions_not_macros() -> None:
    assert parse(
        "{% macro m() %}{% endmacro %}{{ m() }}{{ now() | date }}{{ 'a'.upper() }}"
    ).calls == {"now"}


def test_a_literal_is_recognized_without_parsing() -> None:
    assert parse("a { b }") == Template("a { b }")
    assert parse("{{ a }}").is_literal is False
    assert [is_dynamic(text) for text in ("{a}", "{{ a }}", "{# c #}", "{% if %}")] == [
        False,
        True,
        True,
        True,
    ]


def test_parsing_the_same_text_gives_the_same_template() -> None:
    assert parse("{{ once }}") is parse("{{ once }}")
    assert parse("{{ once }}") is not parse("{{ once }}", "seed")
