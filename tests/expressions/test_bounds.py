"""A template can't take more than its share: of time, turns, size, or other threads' time."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions import bounds
from flowbook.expressions.render import Scope, parse, render, render_typed

DOUBLED = "{% set x = ['a', 'a'] %}" + "{% set x = [x, x] %}" * 40
GREEDY = [
    pytest.param(
        "{% for i in range(1, 2000) %}{% for j in range(1, 2000) %}{% endfor %}{% endfor %}",
        "more than 1000000 turns",
        id="nested loops",
    ),
    pytest.param("{{ range(1, 2000000) }}", "more than 1000000 turns", id="range"),
    pytest.param("{{ 1..2000000 }}", "more than 1000000 turns", id="range operator"),
    pytest.param(
        "{% for i in 1..600000 %}{% endfor %}{% for i in 1..600000 %}{% endfor %}",
        "turns",
        id="two loops",
    ),
    pytest.param("{{ 2 ** 100000 }}", "Result is too large", id="power"),
    pytest.param("{{ 10 ** (10 ** 10) }}", "Result is too large", id="tower"),
    pytest.param("{{ 2.0 ** 5000 }}", "Result is too large", id="float power"),
    pytest.param(
        "{% set x = 'a' %}{% for i in 1..40 %}{% set x = x ~ x %}{% endfor %}",
        "larger than 10 MiB",
        id="doubling",
    ),
    pytest.param(
        "{% set x = 'a' %}{% for i in 1..40 %}{% set x = x + x %}{% endfor %}",
        "larger than 10 MiB",
        id="adding",
    ),
    pytest.param(
        "{% set x = [1] %}{% for i in 1..40 %}{% set x = x + x %}{% endfor %}",
        "more than",
        id="doubling a list",
    ),
    pytest.param("{% for i in 1..200 %}{{ big }}{% endfor %}", "larger than 10 MiB", id="output"),
    pytest.param(
        "{% for i in 1..100000 %}" + "x" * 200 + "{% endfor %}",
        "larger than 10 MiB",
        id="text in a loop",
    ),
    pytest.param(
        "{% set y %}{% for i in 1..200 %}{{ big }}{% endfor %}{% endset %}",
        "larger than 10 MiB",
        id="set block",
    ),
    pytest.param("{{ (1..5000) | join(big) }}", "larger than 10 MiB", id="join"),
    pytest.param("{{ big | replace('a', big) }}", "larger than 10 MiB", id="replace"),
    pytest.param("{{ big | replace({'a': big}) }}", "larger than 10 MiB", id="replace pairs"),
    pytest.param(
        "{{ big | replace({'.': big}, regexp=true) }}", "larger than 10 MiB", id="replace patterns"
    ),
    pytest.param("{{ '%99999999d' | format(1) }}", "larger than 10 MiB", id="format"),
    pytest.param("{{ 'x' | center(99999999) }}", "larger than 10 MiB", id="center"),
    pytest.param("{{ lines | indent(99999999) }}", "larger than 10 MiB", id="indent"),
    pytest.param(DOUBLED, "parts", id="shared lists"),
    pytest.param(
        "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}", "deep", id="macros"
    ),
    pytest.param("{% block b %}{{ block('b') }}{% endblock %}", "deep", id="blocks"),
    pytest.param("{{ (['x'] | batch(99999999, 'f')) }}", "more than", id="batch"),
    pytest.param("{{ nanoId(99999999) }}", "length", id="nanoId"),
]


@pytest.mark.parametrize("dialect", ["kestra", "seed"])
@pytest.mark.parametrize(("template", "message"), GREEDY)
def test_a_greedy_template_is_refused_in_time(template: str, message: str, dialect: str) -> None:
    if dialect == "seed":
        template = template.replace("range(1, 2000)", "range(1, 2001)")
    began = time.monotonic()
    with pytest.raises(ExpressionError, match=message):
        render(template, Scope({"big": "a" * 100_000, "lines": "a\nb"}, dialect=dialect))
    assert time.monotonic() - began < bounds.SECONDS + 1


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds.Rendering.__init__, "__defaults__", (0.05,))
    with pytest.raises(ExpressionError, match="Rendering took longer than PT5S"):
        render(
            "{% for i in 1..900 %}{% for j in 1..900 %}{{ i * j }}{% endfor %}{% endfor %}",
            Scope({}),
        )


@pytest.mark.parametrize(
    "template",
    [
        "{{ s matches '(a|aa)+$' }}",
        "{{ s | regexReplace('(a|aa)+$', 'x') }}",
        "{{ s | split('(a+)+$') }}",
        "{{ s | replace({'(a|aa)+c': ''}, regexp=true) }}",
    ],
)
def test_a_pattern_is_stopped_while_others_go_on(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds.Rendering.__init__, "__defaults__", (1.0,))
    with longest_pause() as pauses, pytest.raises(ExpressionError, match="Pattern took too long"):
        render(template, Scope({"s": "a" * 5000 + "b"}))
    assert max(pauses) < 0.7


@pytest.mark.parametrize(
    "program",
    ["[range(1e9)] | length", "def f: f; f", "last(repeat(1))", "[limit(1e9; repeat(.))]"],
)
def test_jq_is_stopped_while_others_go_on(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds.Rendering.__init__, "__defaults__", (1.0,))
    began = time.monotonic()
    with (
        longest_pause() as pauses,
        pytest.raises(ExpressionError, match=r"jq took too long|out of memory|Unable to parse jq"),
    ):
        render("{{ 1 | jq(p) }}", Scope({"p": program}))
    assert time.monotonic() - began < 4
    assert max(pauses) < 0.7


def test_jq_elsewhere_gives_the_same_results() -> None:
    scope = Scope({"v": {"a": [3, 1, 2]}})
    assert render_typed("{{ v | jq('[.a[] | select(. > 1)] | add') }}", scope) == [5]
    assert render_typed("{{ v | jq('[range(3)]') }}", scope) == [[0, 1, 2]]
    with pytest.raises(ExpressionError, match="Unable to parse jq value"):
        render("{{ v | jq('range(') }}", scope)
    with pytest.raises(ExpressionError, match="Unable to parse jq value"):
        render("{{ v | jq('.a.b') }}", scope)


def test_jq_sees_nothing_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_X", "hidden")
    programs = ["env", "$ENV", "[$ENV.SECRET_X]", "env.SECRET_X", "env | .SECRET_X"]
    found = [render("{{ 1 | jq(p) }}", Scope({"p": program})) for program in programs]
    assert "hidden" not in "".join(found)
    with pytest.raises(ExpressionError, match="not supported"):
        render("""{{ 1 | jq('import "a" as $a; $a') }}""", Scope({}))


def test_large_values_are_written_while_others_go_on() -> None:
    rows = [{"n": n, "text": "x" * 20, "list": [1, 2.5, None]} for n in range(40_000)]
    with longest_pause() as pauses:
        assert len(render("{{ rows | toJson }}", Scope({"rows": rows}))) > 2_000_000
        assert render("{{ (1..400000) | sort | last }}", Scope({})) == "400000"
        assert (
            render("{{ a == b }}", Scope({"a": rows, "b": [dict(row) for row in rows]})) == "true"
        )
    assert max(pauses) < 0.7


class longest_pause:
    """How long another thread had to wait for its turn, while the body ran."""

    def __enter__(self) -> list[float]:
        self.pauses: list[float] = [0.0]
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self.pauses

    def _watch(self) -> None:
        last = time.monotonic()
        while not self.is_over.wait(0.001):
            now = time.monotonic()
            self.pauses.append(now - last)
            last = now

    def __exit__(self, *_: Any) -> None:
        self.is_over.set()
        self.thread.join()


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "[" * 3000 + "]" * 3000 + " }}",
        "{{ " + "-" * 3000 + "1 }}",
        "{{ " + "not " * 3000 + "1 }}",
        "{{ 1" + " + 1" * 5000 + " }}",
        "{{ a" + ".b" * 5000 + " }}",
        "{{ 1" + " | abs" * 5000 + " }}",
        "{{ " + "true ? 1 : " * 3000 + "2 }}",
        "{% if true %}" * 500 + "{% endif %}" * 500,
        "{% for i in [1] %}" * 60 + "{% endfor %}" * 60,
        "{{ 1 }}" * 60_000,
        '{{ "' + "#{1}" * 3000 + '" }}',
    ],
    ids=[
        "parentheses",
        "lists",
        "minus",
        "not",
        "plus",
        "dots",
        "filters",
        "ternaries",
        "ifs",
        "fors",
        "long",
        "interpolations",
    ],
)
def test_a_template_nested_too_deeply_is_an_ordinary_error_or_works(template: str) -> None:
    began = time.monotonic()
    try:
        render(template, Scope({}))
    except ExpressionError:
        pass
    assert time.monotonic() - began < 5


def test_many_threads_share_the_environments() -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(40):
                text = f"{{% for i in 1..{turn % 5 + 1} %}}{{{{ i + {number} }}}} {{% endfor %}}{{{{ v ?? gone }}}}"
                expected = "".join(f"{i + number} " for i in range(1, turn % 5 + 2)) + str(number)
                assert (
                    render(text, Scope({"v": number}, dialect=("kestra", "seed")[number % 2]))
                    == expected
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_file_may_be_larger_than_what_a_template_makes() -> None:
    scope = Scope({}, services={"read": lambda path: "x" * int(path) * 2**20})
    assert render("{{ read('20') | length }}", scope) == str(20 * 2**20)
    with pytest.raises(ExpressionError, match="larger than 10 MiB"):
        render("{{ read('20') }}", scope)
    with pytest.raises(ExpressionError, match="larger than 50 MiB: 51"):
        render("{{ read('51') | length }}", scope)


def test_literals_cost_nothing() -> None:
    text = "x" * 20_000_000
    assert render(text, Scope({})) is text
    assert parse("no delimiters").is_literal
