"""The small runnable tasks: Return, Fail, Assert, Sleep, key-value pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from flowbook.errors import TaskFailed

from .conftest import Attempt, task

Run = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("format", "value"),
    [("{{ 1 + 1 }}", "2"), ("a {{ [1] }}", "a [1]"), (5, "5"), (None, None), ("plain", "plain")],
    ids=repr,
)
def test_return_gives_text(run_task: Run, format: Any, value: Any) -> None:
    assert run_task("core.debug.Return", format=format) == {"value": value}


def test_return_keeps_types_in_the_seed_dialect(run_task: Run, seed_attempt: Attempt) -> None:
    assert run_task("core.debug.Return", seed_attempt, format="{{ [1, 2] }}") == {"value": [1, 2]}


def test_return_logs_what_a_template_prints(run_task: Run, seed_attempt: Attempt) -> None:
    run_task("core.debug.Return", seed_attempt, format="{{ {'a': [1, true]} }}")
    assert [message for _, message in seed_attempt.logs] == ['{"a":[1,true]}']


def test_return_measures_itself(run_task: Run, attempt: Attempt) -> None:
    run_task("core.debug.Return", format="abc")
    assert attempt.metrics["length"] == (3, "counter", {"format": "abc"})
    assert attempt.metrics["duration"][1] == "timer"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "^Task failure$"),
        ({"errorMessage": "no {{ 'luck' }}"}, "^no luck$"),
        ({"condition": "{{ 1 < 2 }}", "errorMessage": "x"}, "^Fail on a condition$"),
    ],
    ids=["plain", "message", "condition"],
)
def test_fail_fails(run_task: Run, given: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskFailed, match=message):
        run_task("core.execution.Fail", **given)


def test_fail_needs_its_condition(run_task: Run) -> None:
    assert run_task("core.execution.Fail", condition="{{ 1 > 2 }}") == {}


def test_assert_counts(run_task: Run, attempt: Attempt) -> None:
    conditions = ["{{ true }}", "{{ 1 > 2 }}", "{{ nowhere }}"]
    with pytest.raises(TaskFailed, match=r"^2 assertion\(s\) failed!\nlook at it$") as failed:
        run_task("core.execution.Assert", conditions=conditions, errorMessage="look at it")
    assert failed.value.outputs == {"success": 1, "failed": 2}
    assert len(attempt.lines("ERROR")) == 2


def test_sleep_waits_as_long_as_it_says(run_task: Run, attempt: Attempt) -> None:
    run_task("core.flow.Sleep", duration="{{ 'PT1M30S' }}")
    assert attempt.slept == [90.0]
    assert attempt.lines("INFO") == ["Waiting for PT1M30S"]


def test_a_duration_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="'soon' is not a duration: write it like PT30S"):
        task("core.flow.Sleep", duration="soon")


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"value": "{{ 5 }}"}, 5),
        ({"value": "5"}, "5"),
        ({"value": "5", "kvType": "NUMBER"}, 5),
        ({"value": "1.5", "kvType": "number"}, 1.5),
        ({"value": "TRUE", "kvType": "BOOLEAN"}, True),
        ({"value": "90s", "kvType": "DURATION"}, "PT1M30S"),
        ({"value": "2025-02-03T10:00:00+02:00", "kvType": "DATETIME"}, "2025-02-03T08:00:00Z"),
        ({"value": '{"a": 1}', "kvType": "JSON"}, {"a": 1}),
        ({"value": {"a": ["{{ 1 }}"]}}, {"a": [1]}),
        ({"value": 5, "kvType": "STRING"}, "5"),
    ],
    ids=repr,
)
def test_a_value_is_kept_as_its_type(run_task: Run, given: dict[str, Any], value: Any) -> None:
    run_task("core.kv.Set", key="k", **given)
    assert run_task("core.kv.Get", key="k") == {"value": value}


def test_a_value_of_another_type_is_refused(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match="The value for key 'k' is no NUMBER: 'five'"):
        run_task("core.kv.Set", key="k", value="five", kvType="NUMBER")


def test_a_bad_key_is_refused(run_task: Run) -> None:
    with pytest.raises(TaskFailed, match="Key must start with an alphanumeric character"):
        run_task("core.kv.Set", key="-x", value=1)


def test_overwrite_false_keeps_what_is_there(run_task: Run) -> None:
    run_task("core.kv.Set", key="k", value=1, overwrite=False)
    with pytest.raises(TaskFailed) as failed:
        run_task("core.kv.Set", key="k", value=2, overwrite=False)
    assert str(failed.value) == (
        "Cannot set value for key 'k'. Key already exists and `overwrite` is set to `false`."
    )


def test_a_key_is_looked_for_in_the_namespaces_above(run_task: Run, attempt: Attempt) -> None:
    attempt.namespace = "demo.team.flows"
    run_task("core.kv.Set", key="k", value=1, namespace="demo")
    assert run_task("core.kv.Get", key="k") == {"value": 1}
    assert run_task("core.kv.Get", key="k", namespace="demo.team") == {"value": None}


def test_a_missing_key(run_task: Run) -> None:
    assert run_task("core.kv.Get", key="k") == {"value": None}
    assert run_task("core.kv.Delete", key="k") == {"deleted": False}
    with pytest.raises(TaskFailed, match="No value found for key 'k' in namespace 'demo' and"):
        run_task("core.kv.Get", key="k", errorOnMissing=True)


def test_ttl_is_passed_on(run_task: Run, attempt: Attempt) -> None:
    run_task("core.kv.Set", key="k", value=1, ttl="PT1M", namespace="other")
    assert attempt.pairs["other"].kept["k"]["seconds"] == 60.0


def test_keys_by_prefix(run_task: Run) -> None:
    for key in ("app.b", "app.a", "x"):
        run_task("core.kv.Set", key=key, value=1)
    assert run_task("core.kv.GetKeys", prefix="app.") == {"keys": ["app.a", "app.b"]}
