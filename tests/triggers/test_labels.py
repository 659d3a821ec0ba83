"""Labels of the executions that triggers start."""

from __future__ import annotations

import pytest

from flowbook.engine.trigger_labels import rendered_labels
from flowbook.expressions.render import Scope
from flowbook.kinds.dynamic import Json

SCOPE = Scope({"trigger": {"date": "2025-03-05", "rows": 7, "nothing": None}})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({"day": "{{ trigger.date }}"}, [("day", "2025-03-05")], id="rendered"),
        pytest.param({"rows": "{{ trigger.rows }}"}, [("rows", "7")], id="text"),
        pytest.param([{"key": "a", "value": True}], [("a", "true")], id="list"),
        pytest.param({"none": "{{ trigger.nothing }}"}, [("none", "")], id="null-is-empty"),
        pytest.param({"empty": None}, [("empty", "")], id="written-null-is-empty"),
        pytest.param(None, [], id="none"),
    ],
)
def test_labels_are_rendered(labels: Json, expected: list[tuple[str, str]]) -> None:
    assert rendered_labels(labels, SCOPE) == (expected, [])


@pytest.mark.parametrize("wrong", ["{{ trigger.missing }}", "{{ trigger."])
def test_a_label_that_cannot_render_is_left_out_with_a_warning(wrong: str) -> None:
    found, warnings = rendered_labels({"wrong": wrong, "right": "yes"}, SCOPE)
    assert found == [("right", "yes")]
    assert len(warnings) == 1
    assert warnings[0].startswith("Label 'wrong' is left out: ")


def test_labels_of_the_system_are_left_out() -> None:
    found, [warning] = rendered_labels({"system.username": "ada"}, SCOPE)
    assert found == []
    assert "only flowbook sets system labels" in warning
