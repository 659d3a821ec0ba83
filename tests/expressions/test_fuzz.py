"""Random templates: an answer or an expression error, in bounded time, and nothing of Python in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowbook.errors import ExpressionError
from flowbook.expressions import registry
from flowbook.expressions.render import Scope, evaluate, parse, render, render_typed, truthy
from flowbook.expressions.values import JsonText, StateText, TableValue

registry.load()
NOISY = {"randomPort", "http", "read"}
VARIABLES = {
    "a": 1,
    "s": "ab",
    "n": None,
    "l": [1, "x", None, 2.5],
    "m": {"k": 1, "my-key": {"x": [1]}},
    "j": JsonText('{"a": [1]}'),
    "state": StateText("SUCCESS"),
    "t": TableValue("kestra:///t", 1, [], 10, lambda: [{"n": 1}]),
    "d": "2025-01-31T10:00:00Z",
}
names = st.sampled_from(
    [*VARIABLES, "gone", "m.k", "m.my-key.x", "l[0]", "l[9]", "t.rows", "j.a", "state.current"]
)
literals = st.sampled_from(
    [
        "0",
        "1",
        "-1",
        "2.5",
        "''",
        "'a'",
        "'%s'",
        "'(a+)+'",
        "'2025-01-01'",
        "null",
        "true",
        "[]",
        "{}",
        "[1, 'b']",
        "{'k': 1}",
        "99999999",
        "10000000000",
    ]
)
operators = st.sampled_from(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "**",
        "//",
        "~",
        "==",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "and",
        "or",
        "contains",
        "in",
        "not in",
        "isIn",
        "matches",
        "??",
        "???",
        "..",
        "equals",
        "&&",
        "||",
    ]
)
filters = st.sampled_from(sorted(registry.FILTERS))
functions = st.sampled_from(sorted(set(registry.FUNCTIONS) - NOISY | {"render", "printContext"}))
tests = st.sampled_from(sorted(registry.TESTS))
methods = st.sampled_from(sorted({name for _, table in registry.METHODS for name in table}))


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.builds("{} {} {}".format, inner, operators, inner),
        st.builds("{} | {}".format, inner, filters),
        st.builds("({}) | {}({})".format, inner, filters, arguments),
        st.builds("{}({})".format, functions, arguments),
        st.builds("({}).{}({})".format, inner, methods, arguments),
        st.builds("{} is {}".format, inner, tests),
        st.builds("{} is not {} {}".format, inner, tests, inner),
        st.builds("{} ? {} : {}".format, inner, inner, inner),
        st.builds("{} if {} else {}".format, inner, inner, inner),
        st.builds("not {}".format, inner),
        st.builds("-{}".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}.{}".format, names, names),
    )


expressions = st.recursive(st.one_of(names, literals), grown, max_leaves=8)
templates = st.one_of(
    st.builds("{{{{ {} }}}}".format, expressions),
    st.builds("x{{{{ {} }}}}y{{{{-{} -}}}}".format, expressions, expressions),
    st.builds(
        "{{% if {} %}}{{{{ {} }}}}{{% else %}}b{{% endif %}}".format, expressions, expressions
    ),
    st.builds(
        "{{% for x in {} %}}{{{{ x }}}}{{{{ loop.index }}}}{{% set y = {} %}}{{% endfor %}}{{{{ y }}}}".format,
        expressions,
        expressions,
    ),
    st.builds("{{% set z = {} %}}{{{{ z ~ z }}}}".format, expressions),
    st.builds(
        "{{% macro q(x) %}}{{{{ {} }}}}{{% endmacro %}}{{{{ q({}) }}}}".format,
        expressions,
        expressions,
    ),
)
soup = st.text(alphabet="{}%#-+*/.|?:!&=<>()[]'\"\\ \n\rabx01_~,", max_size=40)
pieces = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{{-",
            "-}}",
            " if ",
            " for x in ",
            " endif ",
            " endfor ",
            " raw ",
            " endraw ",
            " set x = ",
            " block b ",
            " macro m(a) ",
            " endmacro ",
            "a",
            "'",
            '"',
            "#{",
            "}",
            ".",
            "..",
            "??",
            "|",
            "upper",
            "(",
            ")",
            "[",
            "]",
            "1",
            "-",
            "\n",
        ]
    ),
    max_size=16,
).map("".join)
quietly = settings(deadline=None, suppress_health_check=list(HealthCheck))


def survives(template: str, dialect: str) -> None:
    began = time.monotonic()
    refusals: list[str] = []
    scope = Scope(VARIABLES, dialect=dialect)
    for action in (render, render_typed, truthy):
        try:
            found = action(template, scope)
        except ExpressionError as error:
            refusals.append(str(error))
            continue
        if isinstance(found, str):
            assert "object at 0x" not in found
            assert "<class" not in found
    assert all(refusals)
    assert time.monotonic() - began < 20


@settings(quietly, max_examples=200)
@given(templates, st.sampled_from(["kestra", "seed"]))
def test_a_random_template_gives_an_answer_or_an_expression_error(
    template: str, dialect: str
) -> None:
    survives(template, dialect)


@settings(quietly, max_examples=200)
@given(st.one_of(soup, pieces), st.sampled_from(["kestra", "seed"]))
def test_a_random_text_gives_an_answer_or_an_expression_error(text: str, dialect: str) -> None:
    survives(text, dialect)


@settings(quietly, max_examples=100)
@given(soup)
def test_a_random_bare_expression_gives_an_answer_or_an_expression_error(text: str) -> None:
    try:
        evaluate(text, Scope(VARIABLES))
    except ExpressionError:
        pass


@pytest.mark.slow
@settings(quietly, max_examples=5000)
@given(st.one_of(templates, soup, pieces), st.sampled_from(["kestra", "seed"]))
def test_many_random_templates_survive(template: str, dialect: str) -> None:
    survives(template, dialect)


@settings(quietly, max_examples=200)
@given(templates)
def test_what_a_template_reads_is_all_it_asks_for(template: str) -> None:
    try:
        reads = parse(template, "kestra").reads
    except ExpressionError:
        return

    asked: set[str] = set()

    class Watched(dict):  # type: ignore[type-arg]
        def __getitem__(self, key: str) -> object:
            asked.add(key)
            return super().__getitem__(key)

    try:
        render(template, Scope(Watched(VARIABLES)))
    except ExpressionError:
        pass
    if "Context" not in template and "render" not in template:
        assert asked & set(VARIABLES) <= reads | {"taskrun", "parents", "tasks", "flow"}
