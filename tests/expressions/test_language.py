"""What templates give: the tables of the language, in both dialects."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, render

ERROR = object()
MOMENT = datetime(2025, 1, 31, 10, 0, tzinfo=UTC)
VARIABLES: dict[str, Any] = {
    "a": 1,
    "n": None,
    "s": "ab",
    "l": [1, 2, 3],
    "m": {"p": 1, "q": 2},
    "empty": {},
    "outputs": {
        "my-task": {"value": "o"},
        "plain": {"n": 5},
        "2nd": {"v": "n"},
        "2nd-3": {"v": "q"},
        "a": {"my-key": {"x": 1}},
    },
    "vars": {"n": 5, "x-y": 2, "a-1": "one"},
    "inputs": {"a": 7, "b": 3},
    "moment": MOMENT,
    "zoned": datetime(2025, 1, 31, 10, 0, tzinfo=timezone(timedelta(hours=2))),
    "day": date(2025, 1, 31),
    "clock": time(10, 5),
    "length": timedelta(hours=1, seconds=30),
}


def outcome(template: str, dialect: str, **more: Any) -> object:
    try:
        return render(template, Scope({**VARIABLES, **more}, dialect=dialect))
    except ExpressionError:
        return ERROR


def both(template: str, expected: object) -> tuple[str, object, object]:
    return template, expected, expected


# template, kestra, seed
DELIMITERS = [
    both("plain } text", "plain } text"),
    both("{ {{ a }} }", "{ 1 }"),
    both("${{ a }}", "$1"),
    both("a{# comment #}b", "ab"),
    both("{{ a }}\n", "1\n"),
    both("  {{- a -}}  x", "1x"),
    both("{{-a}}", "-1"),
    both("x {%- if true -%} y {%- endif -%} z", "xyz"),
    both("{% if true %}\nx{% endif %}", "\nx"),
    both("a\r\n{{ a }}\r\n", "a\r\n1\r\n"),
    both("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    both("{% verbatim %}{{ x }}{% if %}{% endverbatim %}{{ a }}", "{{ x }}{% if %}1"),
    both("'{{ secret('K') }}'", ERROR),
]
TEXTS = [
    both("[{{ n }}]", "[]"),
    both("{{ true }}{{ false }}", "truefalse"),
    ("{{ 3.0 }} {{ 10000000.0 }} {{ 0.00001 }}", "3.0 1.0E7 1.0E-5", "3.0 10000000.0 1.0E-5"),
    both("{{ 12345678901234 }}", "12345678901234"),
    both("{{ {'a': [1, null, 'x']} }}", '{"a":[1,null,"x"]}'),
    ("{{ [10000000.0] }}", "[1.0E7]", "[10000000.0]"),
    both("{{ moment }}", "2025-01-31T10:00:00Z"),
    both("{{ [moment, day] }}", '["2025-01-31T10:00:00Z","2025-01-31"]'),
    both(
        "{{ zoned }} {{ day }} {{ clock }} {{ length }}",
        "2025-01-31T10:00+02:00 2025-01-31 10:05 PT1H30S",
    ),
    both("{{ 'é' }}{{ ['é'] }}", 'é["é"]'),
]
OPERATORS = [
    both("{{ empty.b ?? 'x' }}", "x"),
    both("{{ n ?? 'x' }}{{ gone.a.b ?? n ?? 'y' }}", "xy"),
    both("{{ n ??? 'x' }}{{ gone ??? 'y' }}", "y"),
    both("{{ gone ?? raise }}", ERROR),
    both("{{ n ?? raise }}", ERROR),
    both("{{ a ?? raise }}{{ n ??? raise }}", "1"),
    both("{{ true ? 'a' : 'b' }}{{ false ? 1 : true ? 2 : 3 }}", "a2"),
    both("{{ '?' ~ (a == 1 ? ':' : '') ~ {'k': 1}.k }}", "?:1"),
    both("{{ null ? 1 : 2 }}", "2"),
    both("{{ 'yes' if a == 1 else 'no' }}[{{ 'x' if false }}]", "yes[]"),
    both("{{ 1 equals 1.0 }} {{ '1' == 1 }} {{ null == null }}", "true false true"),
    both(
        "{{ l contains 2 }} {{ l contains [1, 3] }} {{ m contains 'p' }} {{ s contains 'b' }} {{ n contains 1 }}",
        "true true true true false",
    ),
    both(
        "{{ 'x' matches '[a-z]' }} {{ 'xy' matches 'x' }} {{ n matches 'x' }}", "true false false"
    ),
    both("{{ 'aab' matches 'a++b' }} {{ 'É' matches '\\p{Lu}' }}", "true true"),
    both("{{ 2 in l }} {{ 9 not in l }} {{ 2 isIn l }} {{ 'p' in m }}", "true true true true"),
    both(
        "{{ 9 isNotIn l }} {{ 'p' isIn m }} {{ 2 isIn m }} {{ 9 isIn m }}", "true true true false"
    ),
    ("{{ 'a' ~ m ~ n }}", "a{p=1, q=2}", 'a{"p":1,"q":2}'),
    ("{{ 'a' + l }} {{ 'a' + null }}", "a[1, 2, 3] anull", "a[1,2,3] a"),
    both(
        "{{ 'process_' + 1 }} {{ 1 + '1' }} {{ [1] + 2 }} {{ [1] + [2] }}",
        "process_1 11 [1,2] [1,2]",
    ),
    both("{{ [1, 2, 1] - 1 }}", "[2]"),
    ("{{ 7 / 2 }} {{ -7 / 2 }} {{ 7.0 / 2 }}", "3 -3 3.5", "3.5 -3.5 3.5"),
    ("{{ -7 % 3 }} {{ 7 % 3 }}", "-1 1", "2 1"),
    both("{{ 7 // 2 }} {{ 2 ** 10 }}", "3 1024"),
    both("{{ 1 / 0 }}", ERROR),
    both("{{ 1 * n }}", ERROR),
    both("{{ 'a' * 'b' }}", ERROR),
    ("{{ 'ab' * 2 }}", ERROR, "abab"),
    both("{{ 1..3 }} {{ 'a'..'c' }} {{ 3..1 }}", '[1,2,3] ["a","b","c"] []'),
    both("{{ 0..3-1 }}", "[0,2,3]"),
    both(
        "{{ 1 < 2 }} {{ 'a' < 'b' }} {{ moment > '2025-01-30' }} {{ n < 1 }}",
        "true true true false",
    ),
    both("{{ l < m }}", ERROR),
    both("{{ true && !false || false }}", "true"),
    both("{{ a and 'x' }} {{ n or l }}", "true true"),
    both("{{ NULL == none }} {{ True }}", "true true"),
    both("{{ 12L + 1 }}", "13"),
    both("{{ 99999999999999999999 }}", ERROR),
    ("{{ \"a#{a}b#{s ~ '!'}\" }}", "a1bab!", "a#{a}b#{s ~ '!'}"),
    ("{{ '\\n' }}", "\\n", "\n"),
    ("{{ 'it\\'s' }}", "it's", "it's"),
    both("{{ 'a.b' | split('\\.') }}", '["a","b"]'),
    ("{{ '\\t\\x41\\u00e9\\\\' }}", "\\t\\x41\\u00e9\\\\", "\tAé\\"),
    both("{{ {'k': 1, \"b\": [2],} }} {{ [1, 2,] }}", '{"k":1,"b":[2]} [1,2]'),
    both("{{ {bare: 1, s: 2} }}", '{"bare":1,"ab":2}'),
    both("{{ m.p }}{{ m['p'] }}{{ l[0] }}{{ l.1 }}{{ l[-1] }}", "11123"),
    both("{{ l[1:] }} {{ s[:1] }}", "[2,3] a"),
    both("{{ (a ~ 'b') | upper }} {{ [1, 2] | length }}", "1B 2"),
    both("{{ '2025-03-01' | date(format='yyyy', timeZone=\"UTC\") }}", "2025"),
    both("{{ length.seconds }} {{ moment.year }} {{ l.size }}", "3630 2025 3"),
    both(
        "{{ l.size() }} {{ s.toUpperCase() }} {{ m.get('p') }} {{ m.containsKey('z') }}",
        "3 AB 1 false",
    ),
    both("{{ s.nomethod() }}", ERROR),
    both("{{ (moment - '2025-01-31T09:00:00Z').totalSeconds() }}", "3600.0"),
    both("{{ moment.plusDays(1) | date('dd') }} {{ moment.timestamp() | int }}", "01 1738317600"),
    both("{{ '{} {1}'.format('a', 'b') }}", "a b"),
]
HYPHENS = [
    both("{{ outputs.my-task.value }}", "o"),
    both("{{ outputs['my-task'].value }}", "o"),
    both("{{ vars.n-1 }} {{ vars.a-1 }} {{ vars.x-y }}", "4 one 2"),
    both("{{ vars.n - 1 }}", "4"),
    both("{{ inputs.a-inputs.b }}", "4"),
    both("{{ outputs.a.my-key.x }}", "1"),
    both("{{ outputs.my-task.value ~ (vars.n-1) }}", "o4"),
    both("{{ 5-1 }} {{ a-1 }}", "4 0"),
    both("{{ outputs.2nd.v }} {{ outputs.2nd-3.v }} {{ 1.5e1 }}", "n q 15.0"),
    ("[{{ outputs.not-there.value }}]", ERROR, "[]"),
]
PRECEDENCE = [
    ("{{ 'a' ~ 'b' | upper }}", "AB", "aB"),
    both("{{ 'a' + 'b' | upper }}", "aB"),
    both("{{ gone ?? 'q' | upper }}", "Q"),
    ("{{ 'p' ?? 'q' | upper }}", "P", "p"),
    ("{{ 1 + 2 ~ 3 }}", "123", "123"),
    ("{{ 2 * 3 ~ 4 }}", ERROR, "64"),
    both("{{ 2 * 3 + 4 == 10 and not false }}", "true"),
    both("{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 10 - 4 - 3 }}", "7 9 3"),
    both("{{ not 'a' == false }}", "true"),
    ("{{ not true == false }}", "true", "true"),
    ("{{ not a == 2 }}", "false", "true"),
    both("{{ not (a == 2) }}", "true"),
    both("{{ true or false and false }}", "true"),
    both("{{ -2 | abs }}", "2"),
    both("{{ -m.p + 3 }}", "2"),
    ("{{ 1 + 3 is even }}", "true", ERROR),
    both("{{ [3, 4] contains 3 ? 'y' : 'n' }}", "y"),
    both("{{ false ? 1 : false ? 2 : 3 }}", "3"),
    both("{{ gone ?? gone2 ?? 1 + 1 }}", "2"),
    both("{{ 8 - 2 - 2 }}", "4"),
]
TAGS = [
    both("{% if a == 2 %}x{% elseif a == 1 %}y{% else %}z{% endif %}", "y"),
    both("{% if false %}x{% elif true %}y{% endif %}", "y"),
    both("{% for x in l %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2,3"),
    (
        "{% for e in m %}{{ loop.index }}{{ e.key ?? e }}{{ e.value ?? '' }}{% endfor %}",
        "0p11q2",
        "1p2q",
    ),
    both(
        "{% for k, v in m.items() %}{{ k }}{{ v }}{% endfor %}{% for k, v in m %}{{ k }}{{ v }}{% endfor %}",
        "p1q2p1q2",
    ),
    ("{% for e in m %}{{ e }} {% endfor %}", "p=1 q=2 ", "p q "),
    (
        "{% for x in l %}{{ loop.index }}{{ loop.revindex }}{{ loop.first }}{{ loop.length }} {% endfor %}",
        "02true3 11false3 20false3 ",
        "13true3 22false3 31false3 ",
    ),
    both("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
    ("{% for x in n %}x{% else %}none{% endfor %}", "", "none"),
    both("{% set x = 1 %}{% for i in l %}{% set x = x + i %}{% endfor %}{{ x }}", "7"),
    ("{% for i in l %}{% set y = i %}{% endfor %}{{ y }}", ERROR, ""),
    both("{% set a = 5 %}{{ a }}", "5"),
    both("{% set t %}x{{ a }}{% endset %}{{ t | upper }}", "X1"),
    both("{% filter upper %}a{{ s }}{% endfilter %}", "AAB"),
    both(
        "{{ m1('x') }}{% macro m1(a, b='d') %}<{{ a }}{{ b }}>{% endmacro %}{{ m1(1, b=2) }}",
        "<xd><12>",
    ),
    both("{% macro p(x) %}[{{ x }}]{% endmacro %}{{ p() }}", "[]"),
    both("{% macro q(x='d', y, z=1) %}[{{ x }}{{ y }}{{ z }}]{% endmacro %}{{ q(y=2) }}", "[d21]"),
    both("{% block 'b' %}x{% endblock %}{{ block('b') }}", "xx"),
    both(
        "{% autoescape false %}{{ '<' }}{% endautoescape %}{% cache 'k' %}c{% endcache %}{% flush %}{% parallel %}p{% endparallel %}",
        "<cp",
    ),
    both("{% include 'x' %}", ERROR),
    both("{% import 'x' as y %}", ERROR),
    both("{% extends 'x' %}", ERROR),
    both("{% nonsense %}", ERROR),
    both("{% if l %}y{% endif %}{% if not n %}z{% endif %}", "yz"),
    ("{% if 'False' %}y{% else %}n{% endif %}", "y", "n"),
]
STRICTNESS = [
    ("[{{ gone }}]", ERROR, "[]"),
    ("[{{ m.gone }}]", ERROR, "[]"),
    ("[{{ n.x }}]", ERROR, "[]"),
    ("[{{ gone.a[0].b() }}]", ERROR, "[]"),
    ("{{ gone is null }}", ERROR, "true"),
    ("{{ gone is empty }}", ERROR, "true"),
    both("{{ n is null }} {{ n is empty }} {{ [] is empty }}", "true true true"),
    both(
        "{{ gone is defined }} {{ m.p is defined }} {{ m.z.y is defined }} {{ n is defined }}",
        "false true false false",
    ),
    both("{{ gone is not defined }}", "true"),
    both("{{ gone.x | default('d') }}", "d"),
    both("{{ gone | upper | default('d') }}", "d"),
    ("{{ gone == null }}", ERROR, "true"),
    ("{{ gone < 1 }}", ERROR, "false"),
    both("{{ gone + 1 }}", ERROR),
    ("{{ 'a' ~ gone }}", ERROR, "a"),
    ("{% set x = gone %}{{ a }}", ERROR, "1"),
    ("{{ [gone] }}", ERROR, "[null]"),
    ("{{ gone | toJson }}", ERROR, "null"),
    ("{% if gone %}y{% else %}n{% endif %}", ERROR, "n"),
    ("{% for x in gone %}x{% endfor %}", ERROR, ""),
    ("{{ '' | default('d') }}", "d", ""),
    both("{{ '' | default('d', true) }}", "d"),
    both("{{ n | default('d') }}", "d"),
    both("{{ gone ?? nofunction() }}", ERROR),
]
EXAMPLES = [
    both("{{ n | upper }}", ""),
    both("{{ '2025-03-01' | dateAdd(-1,'DAYS') | date(\"dd MMM yyyy\") }}", "28 Feb 2025"),
    both("{{ '{\"k\":[3]}' | jq('.k[]') | first }}", "3"),
    ("{{ range(1,3) }}", "[1,2,3]", "[1,2]"),
    ("{{ range(3, 1, -1) }}", "[3,2,1]", "[3,2]"),
    both("{{ l | slice(1, 2) }}", "[2]"),
    ("{{ l | slice(1, 9) }}", ERROR, "[2,3]"),
    both("{{ ['b', 'a'] | sort | join('-') }}", "a-b"),
    both("{{ 'a, b' | split(', ') | last }}", "b"),
    both(
        "{{ [1, [2]] | flatten }} {{ l | chunk(2) }} {{ m | keys }} {{ (m | keys)[0] }}",
        '[1,2] [[1,2],[3]] ["p","q"] p',
    ),
    both("{{ 'x' | chunk(1) }}", ERROR),
    both("{{ 3 | md5 }}", ERROR),
    both("{{ '' | int }} {{ 'a' | int(7) }} {{ 'x' | float }}", "0 7 0.0"),
    both("{{ {'a': {'b': \"it's\"}} | escapeChar('single') }}", '{"a":{"b":"it\\\\\'s"}}'),
    both("{{ 'x' | escapeChar('odd') }}", ERROR),
    both("{{ null | toJson }} {{ fromJson('null') }}", "null "),
    both("{{ fromJson('{') }}", ERROR),
    both("{{ fromJson(1) }}", ERROR),
    both("{{ max(1, 5) }} {{ min([3, 2]) }}", "5 2"),
    both("{{ randomInt(5, 1) }}", ERROR),
    both(
        "{{ render('{{ a }}') }} {{ renderOnce('{{ vars.n }}') }} {{ render({'k': ['{{ s }}', 1]}) }}",
        '1 5 {"k":["ab",1]}',
    ),
    both("{{ printContext().a }} {{ fetchContext() | keys | first }}", "1 a"),
    both("{{ fileURI('../x', 'ns') }}", ERROR),
    both(
        "{{ now() | date('yyyy') | length }} {{ (now() - moment).totalSeconds() > 0 }} {{ now().timestamp() > 0 }}",
        "4 true true",
    ),
]
TABLES = {
    "delimiters": DELIMITERS,
    "texts": TEXTS,
    "operators": OPERATORS,
    "hyphens": HYPHENS,
    "precedence": PRECEDENCE,
    "tags": TAGS,
    "strictness": STRICTNESS,
    "examples": EXAMPLES,
}
ROWS = [
    pytest.param(template, dialect, expected, id=f"{table} {dialect} {template}")
    for table, rows in TABLES.items()
    for template, kestra, seed in rows
    for dialect, expected in (("kestra", kestra), ("seed", seed))
]


@pytest.mark.parametrize(("template", "dialect", "expected"), ROWS)
def test_template_gives(template: str, dialect: str, expected: object) -> None:
    assert outcome(template, dialect) == expected
