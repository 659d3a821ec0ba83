"""Behaviours of the reference's expressions that are easily got wrong; a row each, kestra dialect."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, render

VARIABLES: dict[str, Any] = {
    "n": None,
    "l": [1, 2],
    "m": {"a": 1, "b": [5.0]},
    "vars": {"x": "{{ n2 }}"},
    "n2": 7,
    "day": date(2025, 3, 1),
    "outputs": {"t": {"a": {"v": 1}, "b": {"v": 2}}},
    "taskrun": {"value": "b", "iteration": 1},
}
ERROR = "an expression error"
ROWS = [
    ("undefined is an error even for `is null`", "{{ gone is null }}", ERROR),
    ("undefined is an error even for `is empty`", "{{ gone is empty }}", ERROR),
    ("undefined is allowed for `is defined`", "{{ gone is defined }}", "false"),
    ("undefined is allowed left of ??", "{{ gone ?? 1 }}", "1"),
    ("undefined is allowed left of ???", "{{ gone ??? 1 }}", "1"),
    ("undefined is allowed for default", "{{ gone | default(1) }}", "1"),
    ("a ternary on null takes else", "{{ n ? 1 : 2 }}", "2"),
    ("`inputs` is absent when there are none", "{{ inputs.a }}", ERROR),
    ("text and number join", '{{ 1 + "1" }}', "11"),
    ("whole numbers divide to whole numbers", "{{ 11 / 3 }}", "3"),
    ("text is no number", "{{ '4' == 4 }}", "false"),
    ("a backslash stays", '{{ "\\n" }}', "\\n"),
    ("interpolation", '{{ "a#{n2}" }}', "a7"),
    ("?? binds tighter than ~", "{{ 'a' ~ gone ?? 'b' }}", "ab"),
    ("?? binds tighter than ==", "{{ gone ?? 'b' == 'b' }}", "true"),
    ("~ binds tighter than |", "{{ 'a' ~ 'b' | upper }}", "AB"),
    ("no recursion by itself", "{{ vars.x }}", "{{ n2 }}"),
    ("render() recurs", "{{ render(vars.x) }}", "7"),
    ("maps print as compact JSON", "{{ m }}", '{"a":1,"b":[5.0]}'),
    ("floats keep their fraction", "{{ 5.0 }}", "5.0"),
    ("loop.index counts from 0", "{% for x in l %}{{ loop.index }}{% endfor %}", "01"),
    ("range includes its end", "{{ range(1, 2) }}{{ 1..2 }}", "[1,2][1,2]"),
    (
        "maps iterate as entries",
        "{% for e in m %}{{ e.key }}={{ e.value }};{% endfor %}",
        "a=1;b=[5.0];",
    ),
    (
        "set in a loop changes the outer variable",
        "{% set s = 0 %}{% for x in l %}{% set s = s + x %}{% endfor %}{{ s }}",
        "3",
    ),
    ("jq gives a list", "{{ m | jq('.a') }}", "[1]"),
    ("jq of many gives a list", "{{ l | jq('.[]') }}", "[1,2]"),
    ("a slice outside is an error", "{{ l | slice(0, 3) }}", ERROR),
    (
        "a text without zone is in timeZone",
        "{{ '2025-03-01T10:00' | date('HH:mm', timeZone='Asia/Tokyo') }}",
        "10:00",
    ),
    ("a date is noon", "{{ day | date('HH:mm') }}", "12:00"),
    ("a date's text is midnight", "{{ '2025-03-01' | date('HH:mm') }}", "00:00"),
    (
        "timestampMicro has its quirk",
        "{{ '1970-01-01T00:00:01.000002Z' | timestampMicro }}",
        "1000000002",
    ),
    ("the current iteration's output", "{{ currentEachOutput(outputs.t).v }}", "2"),
    (
        "the previous iteration's output",
        "{{ iterationOutput(outputs.t).v }}{{ iterationOutput(outputs.t, 1).v }}",
        "12",
    ),
    ("no such iteration is null", "{{ iterationOutput(outputs.t, 9) is null }}", "true"),
]


@pytest.mark.parametrize(
    ("template", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_as_the_reference(template: str, expected: str) -> None:
    try:
        found = render(template, Scope(VARIABLES))
    except ExpressionError:
        found = ERROR
    assert found == expected


def test_outputs_of_nested_iterations_are_found_by_the_outer_values() -> None:
    scope = Scope(
        {
            "outputs": {"t": {"x": {"1": {"v": "x1"}, "2": {"v": "x2"}}}},
            "taskrun": {"value": "2", "iteration": 1},
            "parents": [{"taskrun": {"value": "x"}}, {"outputs": {"o": 1}}],
        }
    )
    assert (
        render("{{ currentEachOutput(outputs.t).v }} {{ iterationOutput(outputs.t).v }}", scope)
        == "x2 x1"
    )
    assert render("{{ parentOutput(1).o }}", scope) == "1"


def test_missing_keys_of_the_store_are_an_error_or_null_by_dialect() -> None:
    asked: list[tuple[object, ...]] = []

    def kv(key: str, namespace: str | None = None, errorOnMissing: bool = True) -> object:
        asked.append((key, namespace, errorOnMissing))

    for dialect in ("kestra", "seed"):
        render(
            "{{ kv('k') }}{{ kv('k', 'ns', true) }}",
            Scope({}, services={"kv": kv}, dialect=dialect),
        )
    assert asked == [("k", None, True), ("k", "ns", True), ("k", None, False), ("k", "ns", True)]
