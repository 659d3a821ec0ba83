"""Conditions about an execution: what is decided without rendering, and what isn't."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from flowbook.kinds.state import State
from flowbook.triggers.conditions import Upstream, is_met, may_hold, questions
from flowbook.triggers.filters import Operator, passes

OWNER = ("shop", "report")
FAILED = Upstream(
    namespace="shop.raw.eu",
    flow_id="orders",
    state=State.FAILED,
    labels=frozenset({("env", "prod"), ("final", "true")}),
    retried=lambda: frozenset({State.FAILED, State.SUCCESS}),
)


def condition(text: str) -> dict[str, Any]:
    """A condition by the last part of its type."""
    kind, _, rest = text.partition(" ")
    given = yaml.safe_load(rest) if rest else {}
    return {"type": f"io.kestra.plugin.core.condition.{kind}", **given}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ExecutionFlow {namespace: shop.raw.eu, flowId: orders}", True),
        ("ExecutionFlow {namespace: shop.raw.eu, flowId: users}", False),
        ("ExecutionFlowCondition {namespace: shop.raw.eu, flowId: orders}", True),
        ("ExecutionNamespace {namespace: shop.raw.eu}", True),
        ("ExecutionNamespace {namespace: shop.raw}", False),
        ("ExecutionNamespace {namespace: shop.raw, prefix: true}", True),
        ("ExecutionNamespace {namespace: shop.raw, comparison: PREFIX}", True),
        ("ExecutionNamespace {namespace: eu, comparison: SUFFIX}", True),
        ("ExecutionNamespace {namespace: shop.raw, prefix: true, comparison: EQUALS}", False),
        ("ExecutionStatus {in: [FAILED, KILLED]}", True),
        ("ExecutionStatus {in: [SUCCESS]}", False),
        ("ExecutionStatus {notIn: [FAILED]}", False),
        ("ExecutionLabels {labels: {env: prod}}", True),
        ("ExecutionLabels {labels: {env: prod, final: true}}", True),
        ("ExecutionLabels {labels: [{key: env, value: test}]}", False),
        ("HasRetryAttempt {in: [FAILED]}", True),
        ("HasRetryAttempt {in: [KILLED]}", False),
        ("HasRetryAttempt {notIn: [FAILED, SUCCESS]}", False),
        ("FlowCondition {namespace: shop, flowId: report}", True),
        ("FlowNamespaceCondition {namespace: sh, prefix: true}", True),
        ("Execution {states: [FAILED], namespace: shop.raw.eu, labels: {env: prod}}", True),
        ("Execution {states: [SUCCESS]}", False),
        ("Not {conditions: [{type: x.ExecutionStatus, in: [SUCCESS]}]}", True),
        (
            "Not {conditions: [{type: x.ExecutionStatus, in: [SUCCESS]}, {type: x.ExecutionStatus, in: [FAILED]}]}",
            False,
        ),
        (
            "Or {conditions: [{type: x.ExecutionStatus, in: [SUCCESS]}, {type: x.ExecutionStatus, in: [FAILED]}]}",
            True,
        ),
        ("Or {conditions: [{type: x.ExecutionStatus, in: [SUCCESS]}]}", False),
    ],
)
def test_conditions_about_the_execution_itself(text: str, holds: bool) -> None:
    given = condition(text)
    assert is_met(given, "c", FAILED, {}, OWNER) is holds
    assert may_hold(given, FAILED, OWNER) is holds


def test_expressions_are_asked() -> None:
    given = condition("Or {conditions: [{type: x.Expression, expression: '{{ 1 == 1 }}'}]}")
    assert {path: each.template for path, each in questions(given, "c")} == {"c.0": "{{ 1 == 1 }}"}
    assert may_hold(given, FAILED, OWNER)
    assert is_met(given, "c", FAILED, {"c.0": True}, OWNER)
    assert not is_met(given, "c", FAILED, {"c.0": False}, OWNER)


def test_what_could_not_be_rendered_does_not_hold_nor_its_contrary() -> None:
    unknown = condition("Expression {expression: '{{ nothing.there }}'}")
    contrary = condition("Not {conditions: [{type: x.Expression, expression: '{{ nothing }}'}]}")
    assert not is_met(unknown, "c", FAILED, {}, OWNER)
    assert not is_met(contrary, "c", FAILED, {}, OWNER)


def test_outputs_are_only_asked_for_where_there_are_some() -> None:
    given = condition("ExecutionOutputs {expression: '{{ trigger.outputs.n > 1 }}'}")
    assert not may_hold(given, FAILED, OWNER)
    assert not is_met(given, "c", FAILED, {"c": True}, OWNER)
    some = Upstream(namespace="a", flow_id="b", state=State.SUCCESS, has_outputs=True)
    assert may_hold(given, some, OWNER)
    assert is_met(given, "c", some, {"c": True}, OWNER)


@pytest.mark.parametrize(
    ("operator", "actual", "value", "passed"),
    [
        ("EQUAL_TO", "a", "a", True),
        ("EQUAL_TO", "a", "b", False),
        ("NOT_EQUAL_TO", "a", "b", True),
        ("NOT_EQUAL_TO", "a", "a", False),
        ("IN", "a", ["a", "b"], True),
        ("IN", "c", ["a", "b"], False),
        ("NOT_IN", "c", ["a", "b"], True),
        ("NOT_IN", "a", ["a", "b"], False),
        ("IS_TRUE", "true", "", True),
        ("IS_TRUE", "1", "", False),
        ("IS_FALSE", "false", "", True),
        ("IS_FALSE", "true", "", False),
        ("IS_NULL", "", "", True),
        ("IS_NULL", "a", "", False),
        ("IS_NOT_NULL", "a", "", True),
        ("IS_NOT_NULL", "", "", False),
        ("STARTS_WITH", "shop.raw", "shop", True),
        ("STARTS_WITH", "shop.raw", "raw", False),
        ("ENDS_WITH", "shop.raw", "raw", True),
        ("ENDS_WITH", "shop.raw", "shop", False),
        ("REGEX", "shop.raw", r"shop\..*", True),
        ("REGEX", "shop.raw", "shop", False),
        ("CONTAINS", "shop.raw", "p.r", True),
        ("CONTAINS", "shop.raw", "x", False),
    ],
)
def test_operators(operator: str, actual: str, value: Any, passed: bool) -> None:
    values = value if isinstance(value, list) else []
    text = value if isinstance(value, str) else ""
    assert passes(Operator(operator), actual, text, values) is passed


@pytest.mark.parametrize(
    ("filters", "operand", "passed"),
    [
        ([("FLOW_ID", "EQUAL_TO", "orders"), ("STATE", "EQUAL_TO", "SUCCESS")], "AND", False),
        ([("FLOW_ID", "EQUAL_TO", "orders"), ("STATE", "EQUAL_TO", "SUCCESS")], "OR", True),
        ([("NAMESPACE", "STARTS_WITH", "shop")], "AND", True),
        ([("EXPRESSION", "IS_TRUE", "{{ labels.env == 'prod' }}")], "AND", True),
        ([("EXPRESSION", "EQUAL_TO", "{{ labels.env == 'prod' }}")], "AND", True),
    ],
)
def test_filters(filters: list[tuple[str, str, str]], operand: str, passed: bool) -> None:
    listed = [{"field": f, "type": t, "value": v} for f, t, v in filters]
    given = {"type": "Filters", "operand": operand, "filters": listed}
    assert is_met(given, "c", FAILED, {"c.0": "true"}, OWNER) is passed


def test_a_pattern_that_takes_too_long_is_a_warning() -> None:
    filters = [{"field": "NAMESPACE", "type": "REGEX", "value": "(((a+)+)+)+(?<=b)$"}]
    upstream = Upstream(namespace="a" * 5000, flow_id="b", state=State.SUCCESS)
    warnings: list[str] = []
    given = {"type": "Filters", "filters": filters}
    assert not is_met(given, "c", upstream, {}, OWNER, warnings.append)
    assert [warning.split(":")[0] for warning in warnings] == ["Pattern took too long"]
