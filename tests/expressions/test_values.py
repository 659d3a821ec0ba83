"""Values beyond JSON: JSON text, states, tables, lazy maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import immutables
import pytest

from flowbook.errors import ExpressionError
from flowbook.expressions.render import Scope, evaluate, render, render_typed
from flowbook.expressions.values import JsonText, PartedText, StateText, TableValue


class Lazy(Mapping[str, Any]):
    """A map that notes what was asked of it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.inner, self.asked = values, []  # type: ignore[var-annotated]

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        return self.inner[key]

    def __contains__(self, key: object) -> bool:
        return key in self.inner

    def __iter__(self) -> Iterator[str]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)


def test_json_text_is_text_where_text_is_wanted() -> None:
    scope = Scope({"v": JsonText('{"a": [1, 2]}')})
    assert render("{{ v }} {{ v ~ '!' }} {{ v == '{\"a\": [1, 2]}' }} {{ v | length }}", scope) == (
        '{"a": [1, 2]} {"a": [1, 2]}! true 1'
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ v.a[1] }} {{ v['a'] | length }}", "2 2"),
        ("{% for e in v %}{{ e.key }}{% endfor %}", "a"),
        (
            "{{ l[0] }} {{ l | first }} {{ l | length }} {{ l contains 2 }} {{ l | map('toString') }}",
            '1 1 2 true ["1","2"]',
        ),
        ("{{ v | toJson }} {{ v | jq('.a[0]') }} {{ fromJson(v).a[0] }}", '{"a":[1,2]} [1] 1'),
        ("{{ l == [1, 2] }} {{ v == {'a': [1, 2]} }}", "true true"),
        ("{{ v is map }} {{ l is iterable }} {{ v is json }}", "true true true"),
        ("{{ l | join('-') }} {{ v | keys }}", '1-2 ["a"]'),
    ],
)
def test_json_text_is_its_value_for_lookups_and_loops(template: str, expected: str) -> None:
    scope = Scope({"v": JsonText('{"a": [1, 2]}'), "l": JsonText("[1, 2]")})
    assert render(template, scope) == expected


def test_a_state_is_its_name_and_knows_its_history() -> None:
    state = StateText(
        "SUCCESS", start="2025-01-01T00:00:00Z", duration="PT5S", histories=[{"state": "CREATED"}]
    )
    scope = Scope({"outputs": {"t": {"state": state}}})
    template = (
        "{{ outputs.t.state }} {{ outputs.t.state == 'SUCCESS' }} {{ outputs.t.state.current }} "
        "{{ outputs.t.state.startDate }} {{ outputs.t.state.duration }} {{ outputs.t.state.histories[0].state }} "
        "{{ outputs.t.state.current in ['SUCCESS', 'WARNING'] }} {{ outputs.t | toJson }}"
    )
    assert render(template, scope) == (
        'SUCCESS true SUCCESS 2025-01-01T00:00:00Z PT5S CREATED true {"state":"SUCCESS"}'
    )


def test_text_may_have_parts() -> None:
    scope = Scope({"kestra": {"environment": PartedText("prod", name="prod")}})
    assert (
        render(
            "{{ kestra.environment }} {{ kestra.environment.name }} {{ kestra.environment == 'prod' }}",
            scope,
        )
        == "prod prod true"
    )


def table(rows: int = 3, *, as_list: bool = False, size: int = 100) -> TableValue:
    columns = [{"name": "n", "type": "BIGINT"}, {"name": "rows", "type": "BIGINT"}]
    return TableValue(
        "kestra:///t.parquet",
        rows,
        columns,
        size,
        lambda: [{"n": n, "rows": n * 10} for n in range(rows)],
        as_list,
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ t }} {{ 'x' ~ t }}", "kestra:///t.parquet xkestra:///t.parquet"),
        (
            "{{ t.uri }} {{ t.rows }} {{ t.bytes }} {{ t.columns[0].name }}",
            "kestra:///t.parquet 3 100 n",
        ),
        ("{{ t[0].n }} {{ t[2].rows }} {{ t[-1].n }}", "0 20 2"),
        ("{% for r in t %}{{ r.n }}{% endfor %} {{ t | length }}", "012 3"),
        ("{{ (t | first).n }} {{ (t | last).n }} {{ t | map('n') }}", "0 2 [0,1,2]"),
        (
            "{{ t | jq('map(.n)') }} {{ t | toJson }}",
            '[[0,1,2]] [{"n":0,"rows":0},{"n":1,"rows":10},{"n":2,"rows":20}]',
        ),
        ("{{ t is empty }} {{ t ? 'some' : 'none' }} {{ t is iterable }}", "false some true"),
        ("{{ {'t': t} }}", '{"t":"kestra:///t.parquet"}'),
        ("{{ {'l': l} }} {{ l }}", '{"l":[{"n":0,"rows":0}]} [{"n":0,"rows":0}]'),
    ],
)
def test_a_table_is_its_address_and_its_rows(template: str, expected: str) -> None:
    assert render(template, Scope({"t": table(), "l": table(1, as_list=True)})) == expected


def test_a_tables_rows_are_read_once_and_only_when_looked_at() -> None:
    reads: list[int] = []

    def load() -> list[dict[str, Any]]:
        reads.append(1)
        return [{"n": 1}]

    value = TableValue("u", 1, [], 10, load)
    scope = Scope({"t": value})
    assert render("{{ t.rows }} {{ t | length }} {{ t }}", scope) == "1 1 u"
    assert reads == []
    assert render("{{ t[0].n }}{{ t[0].n }}", scope) == "11"
    assert reads == [1]


def test_a_large_table_names_its_address_instead_of_being_read() -> None:
    scope = Scope({"t": table(size=11 * 2**20)})
    assert render("{{ t.uri }}", scope) == "kestra:///t.parquet"
    with pytest.raises(ExpressionError, match=r"larger than 10 MiB.*`\.uri`.*kestra:///t\.parquet"):
        render("{{ t[0] }}", scope)


def test_a_typed_render_hands_the_table_itself_over() -> None:
    value = table()
    assert render_typed("{{ outputs.q.rows }}", Scope({"outputs": {"q": {"rows": value}}})) is value


@pytest.mark.parametrize("make", [dict, immutables.Map, Lazy], ids=["dict", "immutables", "lazy"])
def test_any_mapping_is_a_map(make: Any) -> None:
    scope = Scope(make({"m": make({"a": 1, "b": make({"c": 2})})}))
    template = (
        "{{ m.a }}{{ m['b'].c }} {{ m | length }} {{ m | keys | sort }} {{ m.b }} {{ m is map }} "
        "{{ m contains 'a' }} {{ m.b == {'c': 2} }} {{ m.items is defined }} {{ m.size() }}"
    )
    assert render(template, scope) == '12 2 ["a","b"] {"c":2} true true true false 2'
    assert (
        render("{% for e in m.b %}{{ e.key }}={{ e.value }}{% endfor %}{{ m.b | toJson }}", scope)
        == 'c=2{"c":2}'
    )


def test_only_what_a_template_reads_is_asked_for() -> None:
    variables = Lazy({"outputs": Lazy({"a": 1, "b": 2}), "other": 3})
    assert render("{{ outputs.a }}", Scope(variables)) == "1"
    assert variables.asked == ["outputs"]
    assert variables.inner["outputs"].asked == ["a"]


def test_a_key_named_like_a_method_is_the_key() -> None:
    assert evaluate("order.items[0]", Scope({"order": {"items": ["x"]}})) == "x"


def test_numbers_find_the_text_keys_of_outputs() -> None:
    scope = Scope({"outputs": {"each": {"1": {"v": "one"}}}, "i": 1})
    assert (
        render("{{ outputs.each[1].v }}{{ outputs.each[i].v }}{{ outputs.each.1.v }}", scope)
        == "oneoneone"
    )
