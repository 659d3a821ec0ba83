"""Text to flow: drafts, warnings, defaults, dialects, references."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbook.errors import FlowInvalid
from flowbook.flows.defaults import merge
from flowbook.flows.parse import examine, is_flow, parse
from flowbook.kinds.missing import is_missing
from flowbook.kinds.task import Level

LOG = "io.kestra.plugin.core.log.Log"
HELLO = f"id: hello\nnamespace: demo\ntasks:\n  - {{id: say, type: {LOG}, message: hi}}\n"


def messages(text: str) -> list[str]:
    return [problem.message for problem in examine(text)[1]]


def test_a_flow_knows_where_it_came_from(tmp_path: Path) -> None:
    flow = parse(HELLO, "flows/hello.yaml", folder=tmp_path)
    assert (flow.uid, flow.name, flow.folder, flow.source) == (
        "demo.hello",
        "flows/hello.yaml",
        tmp_path,
        HELLO,
    )


def test_the_namespace_is_taken_from_outside_if_the_text_has_none() -> None:
    text = HELLO.replace("namespace: demo\n", "")
    assert parse(text, namespace="notebook").namespace == "notebook"
    assert parse(HELLO, namespace="notebook").namespace == "demo"


def test_tasks_are_found_at_any_depth() -> None:
    flow = parse(
        HELLO
        + "  - id: outer\n    type: io.kestra.plugin.core.flow.Sequential\n"
        + f"    tasks: [{{id: inner, type: {LOG}, message: x}}]\n"
        + f"errors:\n  - {{id: alarm, type: {LOG}, message: y}}\n"
    )
    assert [task.id for task in flow.all_tasks()] == ["say", "outer", "inner", "alarm"]
    assert flow.task("inner").id == "inner"


def test_short_and_old_names_lead_to_the_type() -> None:
    text = HELLO.replace(LOG, "io.kestra.core.tasks.log.Log")
    assert parse(text).task("say").type == LOG
    assert messages(text) == [f"io.kestra.core.tasks.log.Log is replaced by {LOG}"]
    assert parse(HELLO.replace(LOG, "core.log.log")).task("say").type == LOG


def test_a_flow_without_tasks_is_a_draft() -> None:
    flow, problems = examine("id: later\nnamespace: demo\n")
    assert flow is not None
    assert flow.holes == ("tasks: missing, the flow is a draft and cannot be run",)
    assert [(p.line, p.is_error) for p in problems] == [(1, False)]


def test_a_task_without_type_is_a_hole() -> None:
    flow, problems = examine(
        "id: later\nnamespace: demo\ntasks:\n  - id: one\n  - id: two\n    typ: x\n"
    )
    assert flow is not None
    assert flow.is_draft
    assert [p.line for p in problems] == [4, 5]


def test_a_known_type_without_provider_is_a_warning() -> None:
    text = HELLO + "  - {id: run, type: io.kestra.plugin.dagster.Run, url: http://x}\n"
    flow, problems = examine(text)
    assert flow is not None
    assert is_missing(flow.task("run"))
    assert [p.message for p in problems] == [
        'io.kestra.plugin.dagster.Run needs the extra flowbook[dagster]: pip install "flowbook[dagster]"'
    ]


def test_the_seed_dialect_ignores_unknown_properties_and_types() -> None:
    text = (
        "dialect: seed\n"
        + HELLO.replace("message: hi", "message: hi, mesage: ho")
        + "  - {id: odd, type: io.kestra.plugin.nobody.Knows, a: {b: 1}}\n"
    )
    flow, problems = examine(text)
    assert flow is not None
    assert flow.dialect == "seed"
    assert [(p.line, p.is_error) for p in problems] == [(5, False), (6, False)]


@pytest.mark.parametrize(
    "marker",
    [
        "timeout: PT1H",
        "inputs: [{name: env, choices: [a, b]}]",
        "variables: {x: '{{ taskloop.index }}'}",
        "variables: {x: '{{ a | tojson }}'}",
        "errors: [{id: t, type: Log, message: x, conditions: []}]",
        "errors: [{id: 't_{{ task.value }}', type: Log, message: x}]",
        "errors: [{id: t, type: io.kestra.plugin.core.cache.Get, key: k}]",
    ],
)
def test_a_marker_makes_the_dialect_seed(marker: str) -> None:
    assert parse(HELLO + marker + "\n").dialect == "seed"


def test_without_markers_the_dialect_is_kestra() -> None:
    text = HELLO + "variables: {x: '{{ taskrun.value }} {{ a | toJson }}', y: task.value}\n"
    assert parse(text).dialect == "kestra"
    assert parse(HELLO, dialect="seed").dialect == "seed"
    assert parse("dialect: kestra\n" + HELLO + "timeout: PT1H\n").dialect == "kestra"


def test_defaults_of_the_flow_stand_behind_what_a_task_says() -> None:
    block = f"pluginDefaults: [{{type: {LOG}, values: {{level: WARN}}}}]\n"
    assert parse(HELLO + block).task("say").level is Level.WARN  # type: ignore[attr-defined]
    own = HELLO.replace("message: hi", "message: hi, level: DEBUG")
    assert parse(own + block).task("say").level is Level.DEBUG  # type: ignore[attr-defined]


def test_forced_defaults_win_and_the_broader_level_wins_among_them() -> None:
    own = HELLO.replace("message: hi", "message: hi, level: DEBUG")
    block = f"pluginDefaults: [{{type: {LOG}, forced: true, values: {{level: WARN}}}}]\n"
    assert parse(own + block).task("say").level is Level.WARN  # type: ignore[attr-defined]
    globally = [[{"type": LOG, "forced": True, "values": {"level": "ERROR"}}]]
    flow = parse(own + block, defaults=globally)
    assert flow.task("say").level is Level.ERROR  # type: ignore[attr-defined]


def test_a_prefix_reaches_every_type_under_it_that_has_the_property() -> None:
    block = "pluginDefaults: [{type: io.kestra.plugin.core, values: {level: WARN, cron: x}}]\n"
    flow = parse(HELLO + block)
    assert flow.task("say").level is Level.WARN  # type: ignore[attr-defined]


def test_maps_are_merged_deep_and_lists_joined() -> None:
    under = {"headers": {"a": 1}, "list": [1]}
    over = {"headers": {"b": 2}, "list": [2]}
    assert merge(under, over) == {"headers": {"a": 1, "b": 2}, "list": [1, 2]}


def test_unknown_tasks_and_inputs_in_expressions_are_warnings_at_their_place() -> None:
    text = (
        "id: hello\nnamespace: demo\ninputs: [{id: name, type: STRING}]\ntasks:\n"
        f"  - {{id: say, type: {LOG}, message: hi}}\n"
        f"  - id: again\n    type: {LOG}\n    message: |\n      Well\n"
        "      {{ outputs.sya.value }} {{ inputs.nme }} {{ inputs.name }}\n"
    )
    flow, problems = examine(text)
    assert flow is not None
    assert [(p.line, p.column, p.message, p.hint) for p in problems] == [
        (10, 10, "outputs.sya: there is no task 'sya'", "Did you mean 'say'?"),
        (10, 34, "inputs.nme: there is no input 'nme'", "Did you mean 'name'?"),
    ]


def test_a_failure_that_is_allowed_ends_nothing() -> None:
    more = f"""
  - {{id: may, type: io.kestra.plugin.core.execution.Fail, allowFailure: true}}
  - {{id: next, type: {LOG}, message: x}}
"""
    assert messages(HELLO + more.lstrip("\n")) == []


def test_braces_in_a_description_are_no_expression() -> None:
    assert messages(HELLO + 'description: "how {{ to"\n') == []


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("  - {id: end, type: io.kestra.plugin.core.execution.Fail}\n"
         f"  - {{id: never, type: {LOG}, message: x}}\n", "tasks[2]: never reached"),
        (f"  - {{id: t, type: {LOG}, message: x, retry: {{type: constant, interval: PT1S}}}}\n",
         "neither maxAttempts nor maxDuration"),
        ("  - {id: db, type: io.kestra.plugin.jdbc.mysql.Query, sql: x, password: hunter2}\n",
         "a secret stands here in plain text"),
        ("variables: {who: REQUIRED}\n", "REQUIRED must be replaced"),
        ("labels: {Team: data}\n", "Kestra 2.0 refuses the key 'Team'"),
        ("inputs: [{id: n, type: INT, defaults: 1, required: false}]\n", "must be required"),
        ("inputs: [{id: n, type: INT}]\ntriggers: [{id: t, type: Schedule, cron: '@daily'}]\n",
         "Missing inputs for Schedule Trigger 't', missing inputs: 'n'"),
        ("triggers: [{id: t, type: io.kestra.plugin.core.trigger.Flow}]\n",
         "EVERY execution of EVERY flow"),
        ("policyRefs: [a]\n", "accepted and left alone"),
        ("  - {id: two, type: io.kestra.plugin.core.flow.Sequential, timeout: PT1S, tasks: ["
         f"{{id: one, type: {LOG}, message: x}}]}}\n",
         "The task 'two' cannot use the 'timeout' property as it's only relevant for runnable"),
        ("taskDefaults: {runConfig: {memory: 512Mi}}\n", "a map is ignored"),
        ("listeners: []\n", "not supported by Kestra 2.0"),
    ],
)  # fmt: skip
def test_a_remark_does_not_refuse_the_flow(extra: str, said: str) -> None:
    flow, problems = examine(HELLO + extra)
    assert flow is not None
    assert any(said in problem.message for problem in problems)
    assert all(problem.line for problem in problems)


def test_a_subflow_to_itself_through_an_expression_is_fine() -> None:
    text = HELLO + (
        "  - {id: again, type: io.kestra.plugin.core.flow.Subflow, namespace: demo, "
        'flowId: "{{ flow.id }}"}\n'
    )
    assert examine(text)[0] is not None


def test_a_template_in_an_id_is_refused_outside_the_seed_dialect() -> None:
    with pytest.raises(FlowInvalid, match="must match"):
        parse("dialect: kestra\n" + HELLO.replace("id: say", "id: 'say_{{ x }}'"))


def test_time_inputs_keep_their_text() -> None:
    flow = parse(HELLO + "inputs:\n  - {id: at, type: TIME, defaults: 22:10:00}\n")
    assert flow.inputs[0].defaults == "22:10:00"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (HELLO, True),
        ("id: later\nnamespace: demo\n", True),
        ('{"id": "x", "tasks": []}', True),
        ("name: ci\njobs: {}\n", False),
        ("- id: x\n  tasks: []\n", False),
        ("version: 3\nservices:\n  id: x\n  tasks: y\n", False),
        ("id: x\nvalue: 1\n", False),
        ("id: x\ntasks: [broken\n", True),
    ],
)
def test_other_yaml_is_left_alone(text: str, answer: bool) -> None:
    assert is_flow(text) is answer


def test_empty_properties_count_as_absent() -> None:
    text = HELLO.replace("message: hi", "message: hi, level: , description: ~")
    assert parse(text).task("say").level is Level.INFO  # type: ignore[attr-defined]


def test_a_null_inside_a_value_stays() -> None:
    assert parse(HELLO + "variables: {a: ~}\n").variables == {"a": None}


def test_a_condition_that_says_nothing_about_a_task_is_a_warning() -> None:
    text = """
id: conditions
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.core.log.Log
    message: x
    conditions:
      - {type: io.kestra.plugin.core.condition.HasRetryAttempt, in: [FAILED]}
      - {type: io.kestra.plugin.core.condition.Weekend, date: "{{ execution.startDate }}"}
      - {type: io.kestra.plugin.core.condition.Execution, states: [SUCCESS]}
"""
    flow, problems = examine(text)
    assert flow is not None
    said = [problem.message for problem in problems if "conditions" in problem.message]
    assert said == ["tasks[0].conditions[0]: HasRetryAttempt says nothing about a task"]
