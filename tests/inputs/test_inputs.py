"""Values given for inputs: the examples of the language's reference, one a row."""

from __future__ import annotations

import datetime as dates
from typing import Any

import pytest

from flowbook.errors import ExpressionError, FlowInvalid, InputInvalid
from flowbook.flows.inputs import resolve, secret_values, typed, undeclared
from flowbook.flows.model import Flow
from flowbook.flows.parse import parse


def flow(*inputs: str) -> Flow:
    return parse(
        "id: asks\nnamespace: demo\ntasks: [{id: t, type: Log, message: x}]\ninputs:\n"
        + "".join(f"  - {{{each}}}\n" for each in inputs)
    )


def one(declaration: str, value: Any) -> Any:
    return resolve(flow(f"id: x, {declaration}"), {"x": value})["x"]


@pytest.mark.parametrize(
    ("declaration", "given", "stored"),
    [
        ("type: STRING", "a", "a"),
        ("type: STRING", "", ""),
        ("type: STRING", 5, "5"),
        ("type: STRING", True, "true"),
        ("type: STRING", {"a": 1}, '{"a":1}'),
        ("type: INT", 42, 42),
        ("type: INT", "42", 42),
        ("type: INT, required: false", "", None),
        ("type: INT, defaults: 7", "", 7),
        ("type: DATE, required: false", "", None),
        ("type: ARRAY, itemType: INT, required: false", "", None),
        ("type: URI", "s3://bucket/key", "s3://bucket/key"),
        ("type: URI", "jdbc:duckdb:", "jdbc:duckdb:"),
        ("type: INT, min: 1, max: 5", "5", 5),
        ("type: FLOAT", "1e3", 1000.0),
        ("type: FLOAT", 2, 2.0),
        ("type: BOOLEAN", "TRUE", True),
        ("type: BOOLEAN", "no", False),
        ("type: BOOL", "", False),
        ("type: BOOL", "yes", False),
        ("type: BOOL", True, True),
        ("type: DATETIME", "2025-01-31T10:00:00+02:00", "2025-01-31T08:00:00Z"),
        ("type: DATETIME", "2025-01-31", "2025-01-31T00:00:00Z"),
        ("type: DATETIME", "2025-01-31T10:00:00", "2025-01-31T10:00:00Z"),
        ("type: DATE", "2025-01-31", "2025-01-31"),
        ("type: DATE", dates.date(2025, 1, 31), "2025-01-31"),
        ("type: TIME", "09:05", "09:05"),
        ("type: TIME", "09:05:30", "09:05:30"),
        ("type: DURATION", "PT1M30S", "PT1M30S"),
        ("type: DURATION", "90", "PT1M30S"),
        ("type: SELECT, values: [a, b]", "a", "a"),
        ("type: SELECT, values: [a, b], required: false", "c", "c"),
        ("type: SELECT, values: [a, b], allowCustomValue: true", "c", "c"),
        ("type: SELECT, values: [{label: A, value: a}]", "a", "a"),
        ("type: ENUM, values: [a, b]", "b", "b"),
        ("type: MULTISELECT, values: [a, b]", '["a"]', ["a"]),
        ("type: MULTISELECT, options: [a, b]", ["b", "a"], ["b", "a"]),
        ("type: ARRAY, itemType: INT", '[1,"2"]', [1, 2]),
        ("type: ARRAY", [1, {"a": None}], [1, {"a": None}]),
        ("type: JSON", '{"a":[1]}', {"a": [1]}),
        ("type: JSON", {"a": 1}, {"a": 1}),
        ("type: JSON", '{"a": NaN}', {"a": None}),
        ("type: YAML", "a: [1]", {"a": [1]}),
        ("type: URI", "https://ex.org/x?y=1", "https://ex.org/x?y=1"),
        ("type: URI", "http://localhost:8080/x", "http://localhost:8080/x"),
        ("type: URI", "kestra:///a/b.csv", "kestra:///a/b.csv"),
        ("type: FILE", "kestra:///a/b.csv", "kestra:///a/b.csv"),
        ("type: SECRET", "s3cr", "s3cr"),
        ("type: EMAIL", "a@b", "a@b"),
        ("type: EMAIL", "", ""),
        ("type: STRING, choices: [dev, prod]", "dev", "dev"),
        ("type: string", "any case", "any case"),
    ],
)
def test_a_value_is_read(declaration: str, given: Any, stored: Any) -> None:
    read = one(declaration, given)
    assert read == stored
    assert type(read) is type(stored)


@pytest.mark.parametrize(
    ("declaration", "given", "message"),
    [
        ("type: INT", " 42", 'For input string: " 42"'),
        ("type: INT", 4.0, 'For input string: "4.0"'),
        ("type: INT", "abc", 'For input string: "abc"'),
        ("type: INT", True, 'For input string: "True"'),
        ("type: INT, min: 1, max: 5", "6", "it must be less than `5`"),
        ("type: INT, min: 1, max: 5", "0", "it must be more than `1`"),
        ("type: FLOAT", "1,5", 'For input string: "1,5"'),
        ("type: STRING, validator: '[A-Z]{3}'", "ABCD", "it must match the pattern `[A-Z]{3}`"),
        ("type: DATE", "2025-02-30", "Expected `DATE` but received `2025-02-30` with errors: "),
        ("type: DATE, after: 2025-01-01", "2024-12-31", "it must be after `2025-01-01`"),
        ("type: DATETIME", "soon", "Expected `DATETIME` but received `soon` with errors: "),
        ("type: TIME", "9:5", "Expected `TIME` but received `9:5` with errors: "),
        ("type: TIME, before: '10:00'", "10:01", "it must be before `10:00`"),
        ("type: DURATION, max: PT1M", "PT2M", "It must be less than `PT1M`"),
        ("type: DURATION", "long", "Expected `DURATION` but received `long` with errors: "),
        ("type: SELECT, values: [a, b]", "c", "it must match the values `[a, b]`"),
        ("type: ENUM, values: [a, b]", "c", "it must match the values `[a, b]`"),
        ("type: MULTISELECT, values: [a, b]", '["a","c"]', "it must match the values `[a, b]`"),
        ("type: ARRAY, itemType: INT", '[1,"x"]', "Unable to parse array element as `INT` on `x`"),
        ("type: ARRAY, itemType: INT", "1,2", "Expected `ARRAY` but received `1,2` with errors: "),
        ("type: JSON", "{a:1}", "Expected `JSON` but received `{a:1}` with errors: "),
        ("type: JSON, jsonSchema: {type: object}", "[1]", "it must match the JSON schema: "),
        ("type: YAML", "a: b: c", "Expected `YAML` but received `a: b: c` with errors: "),
        ("type: URI", "nope", "Expected `URI` but received `nope`"),
        ("type: EMAIL", "ab", "The input must be a valid email"),
        ("type: FILE, allowedFileExtensions: [.csv]", "a.txt", "its name must end with one of"),
        ("type: STRING, choices: [dev, prod]", "qa", "it must match the values `[dev, prod]`"),
        ("type: STRING", None, "missing required input"),
    ],
)
def test_a_value_is_refused(declaration: str, given: Any, message: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        one(declaration, given)
    (said,) = refused.value.messages
    assert said.startswith(f"Invalid input for `x`, {message}")
    shown = "null" if given is None else str(given)
    assert said.endswith((f", but received `{shown}`", ", but received `true`"))


@pytest.mark.parametrize(
    ("declaration", "given", "takes"),
    [
        ("type: STRING, validator: '[A-Z]{3}'", "ABCD", "a text, matching `[A-Z]{3}`"),
        ("type: INT, min: 1, max: 5", "six", "a whole number like 42, from 1 to 5"),
        ("type: FLOAT, min: 0", "-1", "a number like 1.5 or 1e3, at least 0.0"),
        ("type: BOOL", None, "true or false"),
        ("type: BOOLEAN", None, "true or false"),
        ("type: DATETIME", "soon", "a date and time like 2025-01-31T10:00:00Z"),
        (
            "type: DATE, before: 2025-01-01",
            "2026-01-01",
            "a day like 2025-01-31, at most 2025-01-01",
        ),
        ("type: TIME", "9:5", "a time like 09:05 or 09:05:30"),
        ("type: DURATION, max: PT1M", "PT2M", "a duration like PT30S, PT5M or P1D, at most PT1M"),
        ("type: SELECT, values: [a, b]", "c", "one of [a, b]"),
        ("type: ENUM, values: [a, b]", "c", "one of [a, b]"),
        ("type: MULTISELECT, values: [a, b]", '["c"]', "a list of any of [a, b]"),
        ("type: ARRAY, itemType: INT", "1,2", "a list like [1, 2], each item of type INT"),
        ("type: JSON", "{a:1}", 'JSON like {"a": [1, 2]}'),
        ("type: YAML", "a: b: c", "YAML like a: [1, 2]"),
        ("type: URI", "nope", "an address like https://example.org/data.csv"),
        (
            "type: FILE, allowedFileExtensions: [.csv, .tsv]",
            "a.txt",
            "a kestra:/// URI or a path, its name ending with .csv or .tsv",
        ),
        ("type: SECRET, validator: '[0-9]+'", "hunter2", "a text, kept secret, matching `[0-9]+`"),
        ("type: EMAIL", "ab", "an address like ada@example.org"),
        ("type: FORM, inputs: [{id: n, type: INT}]", {"n": "x"}, "a whole number like 42"),
        ("type: STRING, choices: [dev, prod]", "qa", "one of [dev, prod]"),
    ],
)
def test_a_refusal_says_what_would_be_accepted(declaration: str, given: Any, takes: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        one(declaration, given)
    (hint,) = refused.value.hints
    assert hint in (f"`x` takes {takes}.", f"`x.n` takes {takes}.")
    assert str(refused.value).endswith(f"\n    {hint}")


def test_an_array_of_arrays_and_two_lists_of_values_are_no_declarations() -> None:
    with pytest.raises(FlowInvalid, match="`itemType` cannot be `ARRAY`"):
        flow("id: x, type: ARRAY, itemType: ARRAY")
    with pytest.raises(FlowInvalid, match="you can't define both `values` and `options`"):
        flow("id: x, type: MULTISELECT, values: [a], options: [a]")
    with pytest.raises(FlowInvalid, match="a FORM inside a FORM is not supported"):
        flow("id: x, type: FORM, inputs: [{id: y, type: FORM, inputs: []}]")
    with pytest.raises(FlowInvalid, match="Invalid type: TABLE"):
        flow("id: x, type: TABLE")


def test_the_older_name_is_an_id_and_a_prefill_is_no_default() -> None:
    asks = flow("name: old, type: STRING", "id: p, type: STRING, required: false, prefill: start")
    assert resolve(asks, {"old": "v"}) == {"old": "v", "p": None}


def test_the_seed_dialect_knows_more_words_for_yes() -> None:
    text = (
        "id: asks\nnamespace: demo\ndialect: seed\ninputs: [{id: x, type: BOOLEAN}]\n"
        "tasks: [{id: t, type: Log, message: x}]\n"
    )
    assert [resolve(parse(text), {"x": value})["x"] for value in ("yes", "on", "1", "no")] == [
        *(True, True, True),
        False,
    ]


def test_all_messages_come_at_once() -> None:
    asks = flow("id: n, type: INT, max: 5", "id: day, type: DATE")
    with pytest.raises(InputInvalid) as refused:
        resolve(asks, {"n": "6"})
    assert refused.value.messages == (
        "Invalid input for `n`, it must be less than `5`, but received `6`",
        "Invalid input for `day`, missing required input, but received `null`",
    )


def test_a_secret_is_not_shown_when_it_is_refused() -> None:
    with pytest.raises(InputInvalid) as refused:
        one("type: SECRET, validator: '[0-9]+'", "hunter2")
    assert "hunter2" not in str(refused.value)
    assert "but received `********`" in str(refused.value)


def test_secrets_are_named_for_masking() -> None:
    asks = flow("id: key, type: SECRET", "id: who, type: STRING")
    assert secret_values(asks, resolve(asks, {"key": "s3cr", "who": "ada"})) == ["s3cr"]


def test_dotted_ids_nest_and_are_given_either_way() -> None:
    asks = flow("id: req.day, type: DATE", "id: req.name, type: STRING, defaults: x")
    expected = {"req": {"day": "2025-01-01", "name": "x"}}
    assert resolve(asks, {"req.day": "2025-01-01"}) == expected
    assert resolve(asks, {"req": {"day": "2025-01-01"}}) == expected


def test_dates_are_dates_again_in_expressions() -> None:
    asks = flow("id: req.day, type: DATE", "id: at, type: DATETIME", "id: for, type: DURATION")
    stored = resolve(asks, {"req.day": "2025-01-01", "at": "2025-01-01T00:00:00Z", "for": "PT1M"})
    assert typed(asks, stored) == {
        "req": {"day": dates.date(2025, 1, 1)},
        "at": dates.datetime(2025, 1, 1, tzinfo=dates.UTC),
        "for": dates.timedelta(minutes=1),
    }


def test_an_optional_input_is_there_as_null() -> None:
    asks = flow("id: x, type: STRING, required: false")
    assert resolve(asks, {}) == {"x": None}
    assert typed(asks, {"x": None}) == {"x": None}


def test_undeclared_values_are_left_out_unless_nothing_is_declared() -> None:
    asks = flow("id: a, type: STRING")
    assert resolve(asks, {"a": "1", "b": "2"}) == {"a": "1"}
    assert undeclared(asks, {"a": "1", "b": "2"}) == ["b"]
    bare = parse("id: bare\nnamespace: demo\ntasks: [{id: t, type: Log, message: x}]\n")
    assert resolve(bare, {"b": "2"}) == {"b": "2"}


def test_texts_in_defaults_are_rendered_with_the_inputs_before() -> None:
    asks = flow(
        "id: a, type: STRING, defaults: x", "id: b, type: STRING, defaults: '{{ inputs.a }}y'"
    )
    seen = []

    def render(template: Any, inputs: Any) -> Any:
        seen.append((template, dict(inputs)))
        return "xy"

    assert resolve(asks, {}, render=render) == {"a": "x", "b": "xy"}
    assert seen == [("{{ inputs.a }}y", {"a": "x"})]


def conditional() -> Flow:
    return flow(
        "id: cloud, type: SELECT, values: [aws, gcp], defaults: aws",
        "id: region, type: SELECT, expression: '{{ regions }}', dependsOn: {inputs: [cloud]}",
        "id: profile, type: STRING, required: false, "
        "dependsOn: {inputs: [cloud], condition: '{{ inputs.cloud equals \"aws\" }}'}",
        "id: late, type: STRING, dependsOn: {inputs: [profile]}, defaults: x",
    )


def clouds(template: Any, inputs: Any) -> Any:
    if template == "{{ regions }}":
        return ["eu-1", "us-1"] if inputs["cloud"] == "aws" else ["europe", "asia"]
    return inputs["cloud"] == "aws"


def test_a_condition_that_is_false_drops_the_input_and_what_depends_on_it() -> None:
    given = {"cloud": "gcp", "region": "asia", "profile": "p"}
    assert resolve(conditional(), given, render=clouds) == {"cloud": "gcp", "region": "asia"}


def test_values_may_come_from_an_expression() -> None:
    with pytest.raises(InputInvalid, match=r"must match the values `\[eu-1, us-1\]`"):
        resolve(conditional(), {"cloud": "aws", "region": "asia"}, render=clouds)


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("{{ regions }}", "Cannot render 'expression'. Cause: no such thing"),
        ("condition", "Invalid condition: no such thing"),
    ],
)
def test_what_cannot_be_rendered_is_said(failing: str, said: str) -> None:
    def render(template: Any, inputs: Any) -> Any:
        if (template == "{{ regions }}") == (failing == "{{ regions }}"):
            raise ExpressionError("no such thing")
        return clouds(template, inputs)

    with pytest.raises(InputInvalid) as refused:
        resolve(conditional(), {"region": "eu-1"}, render=render)
    assert said in str(refused.value)


def test_an_expression_must_give_a_list() -> None:
    with pytest.raises(InputInvalid, match="Expected a list of strings, but received int"):
        resolve(conditional(), {"region": "x"}, render=lambda template, inputs: 5)


def test_the_first_value_is_taken_if_asked_for() -> None:
    asks = flow("id: x, type: SELECT, values: [b, a], autoSelectFirst: true")
    assert resolve(asks, {}) == {"x": "b"}


def test_a_hostile_pattern_is_stopped() -> None:
    with pytest.raises(InputInvalid, match="takes too long"):
        one("type: STRING, validator: '(a|aa)+c'", "a" * 60 + "dc")


def test_a_form_is_a_group_of_inputs() -> None:
    asks = flow(
        "id: req, type: FORM, displayName: Request, inputs: "
        "[{id: day, type: DATE}, {id: n, type: INT, defaults: 3}]",
        "id: who, type: STRING, dependsOn: {inputs: [req.n]}",
    )
    assert resolve(asks, {"req": {"day": "2025-01-01"}, "who": "ada"}) == {
        "req": {"day": "2025-01-01", "n": 3},
        "who": "ada",
    }
    with pytest.raises(InputInvalid, match=r"Invalid input for `req\.day`, missing"):
        resolve(asks, {"who": "ada"})


def test_an_empty_text_is_no_number() -> None:
    with pytest.raises(InputInvalid, match="missing required input"):
        one("type: INT", "")
