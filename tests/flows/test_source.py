"""YAML as flowbook reads it: the scalars of YAML 1.2, a place for every value, and bounds."""

from __future__ import annotations

import math

import pytest

from flowbook.flows.source import MAX_ALIASES, load, write_path
from flowbook.problems import Span


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("on", "on"),
        ("yes", "yes"),
        ("n", "n"),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0o17", 15),
        ("0xff", 255),
        ("017", 17),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("22:10:00", "22:10:00"),
        ("30:22", "30:22"),
        ("2025-01-31", "2025-01-31"),
        ("=", "="),
        ("<<", "<<"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int '7'", 7),
        ("!!float 2", 2.0),
    ],
)
def test_a_scalar_is_read_by_the_core_schema(written: str, value: object) -> None:
    (source,) = load(f"x: {written}\n")
    assert source.value == {"x": value}
    assert type(source.value["x"]) is type(value)
    assert not source.problems


def test_nan_is_a_float() -> None:
    (source,) = load("x: .nan")
    assert math.isnan(source.value["x"])


def test_keys_are_always_texts() -> None:
    (source,) = load("1: a\ntrue: b\n~: c\n")
    assert source.value == {"1": "a", "true": "b", "~": "c"}


def test_a_merge_key_fills_what_is_not_written() -> None:
    (source,) = load("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")
    assert source.value["b"] == {"y": 3, "x": 1}


def test_several_maps_are_merged_the_first_wins() -> None:
    (source,) = load("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc:\n  <<: [*a, *b]\n")
    assert source.value["c"] == {"x": 1, "z": 3}


def test_every_path_has_a_place() -> None:
    (source,) = load("id: x\ntasks:\n  - id: one\n    message: 'hi there'\n")
    assert source.span(("tasks", 0, "message")) == Span(4, 14, 4, 24)
    assert source.span(("tasks", 0, "message"), "key") == Span(4, 5, 4, 12)


def test_a_path_that_is_not_written_has_the_place_around_it() -> None:
    (source,) = load("id: x\ntasks:\n  - id: one\n")
    place = source.span(("tasks", 0, "retry", "interval"))
    assert place is not None
    assert (place.line, place.column) == (3, 5)


def test_documents_keep_their_lines_and_their_text() -> None:
    first, second = load("# one\na: 1\n---\n# two\na: 2\n")
    assert first.document == "# one\na: 1\n"
    assert second.document == "---\n# two\na: 2\n"
    assert second.span(("a",)) == Span(5, 4, 5, 5)


def test_a_separator_inside_a_text_separates_nothing() -> None:
    (source,) = load("a: |\n  x\n  ---\n  y\n")
    assert source.value == {"a": "x\n---\ny\n"}


def test_one_broken_document_leaves_the_other() -> None:
    first, second = load("a: b: c\n---\na: 2\n")
    assert first.is_broken
    assert second.value == {"a": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 500, "more than 100 levels"),
        ("a: " + "[" * 200 + "]" * 200, "more than 100 levels"),
        ("a: &a 1\nb: [" + ", ".join(["*a"] * (MAX_ALIASES + 1)) + "]\n", "1,000 aliases"),
        ("a: &a [*a]", "an alias of itself"),
        ("x" * (5 * 1024 * 1024 + 1), "larger than 5 MiB"),
        ("a: \x00", "control characters"),
        ("a: \ud800", "surrogates"),
        ("? [a]\n: b\n", "a key must be a text"),
        ("a: !!binary aGk=", "can't be used"),
        ("a: !thing {}", "not supported"),
        ("a: 1\n<<: 2\n", "a map or a list of maps"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_a_flow_cannot_hold_is_refused(text: str, said: str) -> None:
    (source,) = load(text)
    assert [said in problem.message for problem in source.problems] == [True]
    assert source.is_broken


def test_aliases_that_stand_for_billions_are_refused_at_once() -> None:
    text = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for one, next_one in zip("abcdefgh", "bcdefghi", strict=True):
        text += f"{next_one}: &{next_one} [{', '.join([f'*{one}'] * 10)}]\n"
    (source,) = load(text)
    assert "1,000,000 values" in source.problems[0].message


def test_depth_of_a_hundred_is_fine() -> None:
    (source,) = load("a: " + "[" * 98 + "]" * 98)
    assert not source.problems


def test_a_path_is_written_as_messages_show_it() -> None:
    assert write_path(("tasks", 0, "cases", "a", 1, "id")) == "tasks[0].cases.a[1].id"


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\u2029"])
def test_lines_are_counted_as_editors_count_them(odd: str) -> None:
    (source,) = load(f"a: 'x{odd}y'\nb: 1\n")
    assert source.span(("b",)) == Span(2, 4, 2, 5)


def test_lines_of_windows_are_lines() -> None:
    (source,) = load("a: 1\r\nb:\r\n  c: 2\r\n")
    assert source.span(("b", "c")) == Span(3, 6, 3, 7)
