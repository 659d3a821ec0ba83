"""Each repair of the tolerant loader: what it makes of a text, and on which line it says so."""

from __future__ import annotations

from typing import Any

import pytest

from flowbook.flows.mend import mend
from flowbook.flows.parse import parse_all
from flowbook.flows.source import load

LOG = "io.kestra.plugin.core.log.Log"


@pytest.mark.parametrize(
    ("text", "value", "lines"),
    [
        pytest.param("a: @x\nb: %y # why\n", {"a": "@x", "b": "%y"}, [1, 2], id="reserved"),
        pytest.param("- @x\n- `y`\n", ["@x", "`y`"], [1, 2], id="reserved in a list"),
        pytest.param("a: {{ x }}\n", {"a": "{{ x }}"}, [1], id="expression"),
        pytest.param('a: {{ x["k"] }}-b\n', {"a": '{{ x["k"] }}-b'}, [1], id="expression goes on"),
        pytest.param("m:\n  {{ k }}: 1\n", {"m": {"{{ k }}": 1}}, [2], id="expression as key"),
        pytest.param(
            "c: - type: X\n     v: 1\nd: 2\n",
            {"c": [{"type": "X", "v": 1}], "d": 2},
            [1],
            id="list on key",
        ),
        pytest.param('r: "a/.*\\.gz"\n', {"r": "a/.*\\.gz"}, [1], id="escape"),
        pytest.param('c: "0 9 \\* \\* 1"\n', {"c": "0 9 * * 1"}, [1, 1], id="starred"),
        pytest.param("a:\n\tb: 1\n\tc: 2\n", {"a": {"b": 1, "c": 2}}, [2, 3], id="tabs"),
        pytest.param("a:\n\u00a0\u00a0b: 1\n", {"a": {"b": 1}}, [2], id="spaces"),
        pytest.param("a: \u201cx: y\u201d\n", {"a": "x: y"}, [1], id="quotes"),
        pytest.param(
            "f:\n  {% for x in y %}\n  {{ x }}.csv: '1'\n  {% endfor %}\nz: 1\n",
            {"f": "{% for x in y %}\n{{ x }}.csv: '1'\n{% endfor %}\n", "z": 1},
            [2],
            id="template",
        ),
    ],
)
def test_a_text_is_mended(text: str, value: Any, lines: list[int]) -> None:
    (broken,) = load(text)
    assert broken.problems
    mended = mend(broken)
    assert mended is not None
    assert mended.value == value
    assert [problem.line for problem in mended.problems] == lines


def test_an_alias_of_a_task_is_its_properties_without_the_id() -> None:
    (broken,) = load(
        "tasks:\n  - {id: call, type: T, timeout: PT5S, retry: {type: constant}}\n"
        "  - id: other\n    <<: *call\n    timeout: PT1S\n"
    )
    mended = mend(broken)
    assert mended is not None
    assert mended.value["tasks"][1] == {
        "id": "other",
        "timeout": "PT1S",
        "type": "T",
        "retry": {"type": "constant"},
    }


def test_the_inside_of_a_script_is_left_alone() -> None:
    script = "s: |\n  @decorated\n  \tx = \u201chi\u201d\n  {% raw %}\n"
    (broken,) = load(script + "a: @x\n")
    mended = mend(broken)
    assert mended is not None
    assert mended.value["s"] == "@decorated\n\tx = \u201chi\u201d\n{% raw %}\n"


def test_what_cannot_be_mended_keeps_its_first_message() -> None:
    ((flow, problems),) = parse_all("timeout: PT1H\na: [1, 2\nb: }\n")
    assert flow is None
    assert problems[0].message.startswith("Illegal flow yaml:")


def test_a_second_root_id_starts_a_second_flow() -> None:
    one = f"id: one\nnamespace: demo\ntimeout: PT1H\ntasks:\n  - {{id: a, type: {LOG}, message: hi}}\n"
    text = one + "\n# the other\n" + one.replace("one", "two")
    (first, _), (second, problems) = parse_all(text)
    assert first is not None
    assert second is not None
    assert (first.id, second.id) == ("one", "two")
    assert second.source.startswith("# the other\nid: two")
    assert [p.line for p in problems if "second flow" in p.message] == [8]


def test_in_the_kestra_dialect_nothing_is_mended() -> None:
    ((flow, problems),) = parse_all("dialect: kestra\nid: x\ntimeout: PT1H\na: @x\n")
    assert flow is None
    assert [problem.is_error for problem in problems] == [True]


def test_a_cron_with_the_escapes_of_markdown_is_mended_in_the_seed_dialect() -> None:
    text = (
        f"id: x\nnamespace: demo\ntasks: [{{id: a, type: {LOG}, message: hi}}]\n"
        "triggers:\n  - {id: t, type: Schedule, cron: 0 9 \\* \\* \\*}\n"
    )
    ((flow, problems),) = parse_all("timeout: PT1H\n" + text)
    assert flow is not None
    assert flow.triggers[0].cron == "0 9 * * *"  # type: ignore[attr-defined]
    assert [p.line for p in problems if p.message.startswith("Mended")] == [6]
    assert parse_all(text)[0][0] is None
