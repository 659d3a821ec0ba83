"""Errors say what, in which expression, and point at the place."""

from __future__ import annotations

import pytest

from flowbook.errors import ExpressionError, NotFound
from flowbook.expressions.render import Scope, evaluate, parse, render


def failure(template: str, **options: object) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        render(template, Scope({"outputs": {"a": {"v": 1}}, "n": None, "l": [1]}, **options))  # type: ignore[arg-type]
    return caught.value


def pointed(template: str, error: ExpressionError) -> str:
    """The text that an error's span covers."""
    span = error.span
    assert span is not None
    assert span.end_column is not None
    return template.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("template", "unknown", "line"),
    [
        ("{{ gone }}", "gone", 1),
        ("text\n\n{{ outputs.a.v }} {{ outputs.gone.v }}", "gone", 3),
        ("{{ outputs.a.gone }}", "gone", 1),
        ("{{ outputs['gone'] }}", "gone", 1),
        ("{{ outputs.my-task.v }}", "my-task", 1),
        ("{% if true %}\n{{ outputs.a.v ~ gone }}\n{% endif %}", "gone", 2),
        ("{% for x in l %}\n{{ x.gone }}{% endfor %}", "gone", 2),
        ("{{ n.gone }}", "gone", 1),
    ],
)
def test_a_lookup_in_vain_is_named_and_pointed_at(template: str, unknown: str, line: int) -> None:
    error = failure(template)
    assert error.unknown == unknown
    assert error.source == template
    assert error.span is not None
    assert error.span.line == line
    assert pointed(template, error).strip("'") == unknown
    assert f"Unable to find `{unknown}`" in str(error)
    assert f"used in the expression `{template}` at line {line}" in str(error)


def test_a_lookup_on_null_says_so() -> None:
    assert "Unable to find `gone` on null value" in str(failure("{{ n.gone }}"))


@pytest.mark.parametrize(
    ("template", "place", "message"),
    [
        ("{{ 'x' | number }}", "number", "Not a number"),
        ("{{ l | upper }}{{ 'x' | date }}", "date", "could not be parsed"),
        ("{{ kv('k') }}", "kv", "`kv` can't be used here"),
        ("{{ 'x' | upperr }}", "upperr", r"Filter \[upperr\] does not exist; did you mean `upper`"),
        ("{{ nowe() }}", "nowe", r"\[nowe\] does not exist; did you mean `now`"),
        ("{{ 1 is evenn }}", "evenn", r"Test \[evenn\] does not exist; did you mean `even`"),
        ("{{ l.nothing() }}", "nothing", "has no method `nothing`"),
        ("{{ 'x' | slice(1, 2, 3, 4) }}", "slice", "`slice` can't do this: takes from"),
        ("{{ n * 2 }}", "*", r"Could not perform '\*' on null"),
        ("{{ l < n.x ?? l }}", "<", "Cannot order"),
    ],
)
def test_what_refuses_is_pointed_at(template: str, place: str, message: str) -> None:
    error = failure(template)
    assert pointed(template, error) == place
    with pytest.raises(ExpressionError, match=message):
        raise error


@pytest.mark.parametrize(
    ("template", "line", "column"),
    [
        ("{{ a b }}", 1, 6),
        ("x\n  {{ ( }}", 2, 8),
        ("{% if x %}", 1, 9),
        ("{{ 'open }}", 1, 4),
        ("{{ a ? b }}", 1, 10),
        ("{% bogus %}", 1, 4),
        ("{{ 1 = 2 }}", 1, 6),
        ("{{ }}", 1, 4),
    ],
)
def test_a_syntax_error_has_its_place(template: str, line: int, column: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(template)
    assert caught.value.span is not None
    assert (caught.value.span.line, caught.value.span.column) == (line, column)


def test_a_bare_expressions_error_is_about_what_was_written() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("1 + gone", Scope({}))
    assert caught.value.source == "1 + gone"
    assert pointed("1 + gone", caught.value) == "gone"
    assert str(caught.value) == "Unable to find `gone` used in the expression `1 + gone` at line 1"


def test_a_long_template_is_cut_in_the_message() -> None:
    error = failure("x" * 1000 + "{{ gone }}")
    assert len(str(error)) < 400
    assert len(error.source) > 1000


def test_an_error_of_the_host_becomes_an_expression_error() -> None:
    def kv(key: str) -> object:
        raise NotFound(f"The key '{key}' does not exist in the namespace 'a'.")

    error = failure("{{ kv('k') }}", services={"kv": kv})
    assert str(error).startswith("The key 'k' does not exist in the namespace 'a'.")


def test_an_error_in_a_nested_template_names_that_template() -> None:
    error = failure("{{ render('{{ gone }}') }}")
    assert error.source == "{{ gone }}"


def test_any_failure_of_a_service_is_an_expression_error() -> None:
    def read(path: str) -> object:
        raise RuntimeError("disk on fire")

    assert "disk on fire" in str(failure("{{ read('f') }}", services={"read": read}))


def test_wrong_arguments_are_told_without_python_names() -> None:
    error = failure("{{ 'a' | replace }}")
    assert str(error).startswith(
        "`replace` can't do this: missing 1 required positional argument: 'pairs'"
    )
