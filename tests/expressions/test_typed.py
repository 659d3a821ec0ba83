"""Typed results, deep rendering, conditions, bare expressions, nested templates."""

from __future__ import annotations

from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.conditions import holds
from flowbook.expressions.render import (
    Scope,
    evaluate,
    parse,
    render,
    render_deep,
    render_typed,
    text_of,
    truthy,
)

VARIABLES: dict[str, Any] = {
    "n": 1,
    "l": [1, 2],
    "m": {"a": 1},
    "s": "x",
    "none": None,
    "b": True,
    "vars": {"on": ["logging"]},
}
SCOPE = Scope(VARIABLES)
SEED = Scope(VARIABLES, dialect="seed")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ n }}", 1),
        ("{{ l }}", [1, 2]),
        ("{{ m }}", {"a": 1}),
        ("{{ none }}", None),
        ("{{ b }}", True),
        ("{{ 7 / 2.0 }}", 3.5),
        ("  {{ l }}\n", [1, 2]),
        ("{{ s }}\n", "x\n"),
        ("{{ n }}{{ n }}", 2),
        ("{{ s }}{{ s }}", "xx"),
        ("{{ n }} and {{ l }}", "1 and [1,2]"),
        ("{% for i in l %}{{ i }}{% endfor %}", 3),
        ("{% if b %}{{ l }}{% endif %}", [1, 2]),
        ("{% set x %}{{ n }}{% endset %}{{ x }}", "1"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("plain", "plain"),
        ("{{ '{{' }}", "{{"),
    ],
)
def test_a_typed_render_gives_the_value(template: str, expected: object) -> None:
    found = render_typed(template, SCOPE)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ gone }}", None),
        ("{{ [gone, {'k': gone.x}] }}", [None, {"k": None}]),
        ("{{ max(gone ?? 1, 2) }}", 2),
        ("{{ ('2025-01-02T00:00Z' | date('yyyy')) }}", "2025"),
    ],
)
def test_nothing_that_is_missing_leaves_a_lenient_render(template: str, expected: object) -> None:
    assert render_typed(template, SEED) == expected


def test_a_moment_leaves_as_text() -> None:
    assert str(render_typed("{{ now() }}", SCOPE)).endswith("Z")
    assert render_typed("{{ now() }}", SCOPE)[4] == "-"


def test_services_see_null_for_what_is_missing() -> None:
    given: list[object] = []
    scope = Scope({}, dialect="seed", services={"secret": given.append})
    assert render("{{ secret(gone) }}", scope) == ""
    assert given == [None]


def test_outputs_of_several_types_are_refused() -> None:
    with pytest.raises(ExpressionError, match="several types"):
        render_typed("{{ n }}{{ s }}", SCOPE)


def test_deep_rendering_reaches_keys_and_values() -> None:
    value = {"{{ s }}": ["{{ l }}", {"k": "{{ n }}"}, 5, None], "x": "second"}
    assert render_deep(value, SCOPE) == {"x": ["[1,2]", {"k": "1"}, 5, None]}
    assert render_deep(value, SCOPE, typed=True) == {"x": [[1, 2], {"k": 1}, 5, None]}


@pytest.mark.parametrize(
    ("condition", "kestra", "seed"),
    [
        ("{{ n == 1 }}", True, True),
        ("{{ none }}", False, False),
        ("{{ 0 }}", False, False),
        ("-0", False, False),
        ("no", True, True),
        ("False", True, False),
        ("false", False, False),
        ("{{ [] }}", True, False),
        ("{{ {} }}", True, False),
        ("{{ 'false' }}", False, False),
        ("{{ 'FALSE' }}", True, False),
        ("'logging' in vars.on", True, True),
        ("'other' in vars.on", True, False),
        ("unknown == 1", True, True),
        ("{{ n }} >= 2", True, False),
        ("{{ n }} >= 1", True, True),
        ("{{ false }} or {{ l | length == 0 }}", True, False),
        ("{{ s }} == 'x' and not {{ false }}", True, True),
        ("{{ s }} is a letter", True, True),
        ("{{ {'value': false, 'state': 'SUCCESS'} }}", True, False),
    ],
)
def test_a_condition_holds(condition: str, kestra: bool, seed: bool) -> None:
    assert (truthy(condition, SCOPE), truthy(condition, SEED)) == (kestra, seed)


def test_a_condition_that_cant_be_rendered_is_an_error() -> None:
    with pytest.raises(ExpressionError):
        truthy("{{ gone }}", SCOPE)


@pytest.mark.parametrize(
    ("text", "expected"), [("{{ '' }}", False), (" false ", False), ("0", True), ("{{ n }}", True)]
)
def test_an_expression_condition_is_false_for_blank_and_false_alone(
    text: str, expected: bool
) -> None:
    assert holds(text, SCOPE) is expected


def test_a_bare_expression_is_evaluated() -> None:
    assert evaluate("l | map('toString') | join('+')", SCOPE) == "1+2"
    with pytest.raises(ExpressionError):
        evaluate("", SCOPE)
    with pytest.raises(ExpressionError):
        evaluate("n }} {{ s", SCOPE)


def test_values_have_texts() -> None:
    assert [text_of(value) for value in (None, True, 1.0, [None], {"a": 1})] == [
        "",
        "true",
        "1.0",
        "[null]",
        '{"a":1}',
    ]
    assert text_of(2e9, "seed") == "2000000000.0"


def test_nothing_is_rendered_twice_by_itself() -> None:
    scope = Scope({"vars": {"x": "{{ y }}"}, "y": "{{ 1 + 1 }}"})
    assert render("{{ vars.x }}", scope) == "{{ y }}"
    assert render("{{ render(vars.x) }}", scope) == "2"
    assert render("{{ renderOnce(vars.x) }}", scope) == "{{ 1 + 1 }}"


def test_recursive_rendering_goes_on_until_nothing_changes() -> None:
    scope = Scope({"vars": {"x": "{{ y }}"}, "y": "{{ 1 + 1 }}"}, recursive=True)
    assert render("{{ vars.x }}{% raw %}{{ z }}{% endraw %}", scope) == "2{{ z }}"
    with pytest.raises(ExpressionError, match="render"):
        render("{{ render('x') }}", scope)


def test_rendering_that_never_ends_is_stopped() -> None:
    scope = Scope({"x": "{{ x }} "}, recursive=True)
    with pytest.raises(ExpressionError, match="Too many rendering attempts"):
        render("{{ x }}", scope)
    with pytest.raises(ExpressionError, match="Too many rendering attempts"):
        render("{{ render(x) }}", Scope({"x": "{{ render(x) }}"}))


def test_a_template_renders_like_its_text() -> None:
    template = parse("{{ n }}!", "kestra")
    assert render(template, SCOPE) == render("{{ n }}!", SCOPE) == "1!"


def test_a_missing_value_inside_a_nested_template_can_be_substituted() -> None:
    assert render("{{ render('{{ gone }}') ?? 'none' }}", SCOPE) == "none"
