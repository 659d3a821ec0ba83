"""What passes to the history can't be read there, and comes back as it was."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowbook.engine.closing import CARRIED, Closing, opened, shown, shown_row
from flowbook.executions import events
from flowbook.kinds.change import Change
from flowbook.workspace.masking import STARS
from flowbook.workspace.place import Place
from flowbook.workspace.secrets import Key

SECRETS = ("hunter2", 'q"uo\nte', "1234567")
PIECES = st.sampled_from([*SECRETS, "plain", "", "a {} b", "7", "1234567890"])
TEXTS = st.lists(PIECES, max_size=3).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from([7, 1234567, 0.5]) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(st.sampled_from([*CARRIED, "at", "kind"]), VALUES, max_size=4)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key(Place(tmp_path_factory.mktemp("key")))


def stands(value: Any) -> bool:
    text = json.dumps(value)
    return any(json.dumps(secret)[1:-1] in text for secret in SECRETS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(payload=PAYLOADS)
def test_a_closed_payload_hides_and_comes_back(key: Key, payload: dict[str, Any]) -> None:
    closing = Closing(lambda: key, SECRETS)
    closed = closing.payload(payload)
    assert not stands({name: closed.get(name) for name in CARRIED})
    learnt: set[str] = set()
    stored = json.loads(json.dumps(closed))
    assert opened(key, stored, learnt.add) == payload
    if stands({name: payload.get(name) for name in CARRIED}):
        assert learnt
        assert learnt <= set(SECRETS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(inputs=st.dictionaries(TEXTS, VALUES, max_size=3), error=VALUES)
def test_a_closed_row_hides_and_is_shown_as_stars(key: Key, inputs: Any, error: Any) -> None:
    closing = Closing(lambda: key, SECRETS)
    (change,) = closing.rows([Change("executions", ("id",), {"inputs": inputs, "error": error})])
    assert not stands(change.values)
    assert not stands(shown_row("executions", change.values or {}))
    assert closing.open(json.loads(json.dumps(change.values))["inputs"]) == inputs


def test_only_what_holds_a_secret_is_closed(key: Key) -> None:
    closing = Closing(lambda: key, ["hunter2", "ab"])
    closed = closing.values_of({"token": "a hunter2", "n": 1, "short": "ab", "longer": "abc"})
    assert shown(closed) == {"token": STARS, "n": 1, "short": STARS, "longer": "abc"}
    plain = {"inputs": {"n": 1}, "outputs": {"a": [1]}}
    assert Closing(lambda: key).payload(plain) is plain


def test_each_input_of_a_group_is_closed_by_itself(key: Key) -> None:
    closing = Closing(lambda: key, ["hunter2"])
    closing.groups = frozenset({"db", "db.login"})
    row = {"inputs": {"db": {"host": "h", "login": {"user": "u", "password": "hunter2"}}}}
    assert shown(closing.row("executions", row)) == {
        "inputs": {"db": {"host": "h", "login": {"user": "u", "password": STARS}}}
    }


def test_ids_and_dates_are_left_alone_whatever_the_secret_is(key: Key, tmp_path: Path) -> None:
    closing = Closing(lambda: key, ["2026", "created"])
    payload = {"kind": "created", "at": "2026-01-01T00:00:00Z", "namespace": "created.2026"}
    assert closing.payload(payload) == payload


NAMES_AND_NUMBERS = {
    *("kind", "at", "namespace", "flow_id", "revision", "draft", "parent_id", "original_id"),
    *("attempt_number", "original_date", "schedule_date", "execution_kind", "only"),
    *("recorded_from", "admitted", "running", "state", "task_run", "question", "attempt", "final"),
    *("reason", "purpose", "execution_id", "by", "cascade", "continue_from", "host", "cache"),
}
"""Fields of events that hold nothing a flow has computed: ids, dates, counts, what flowbook says itself."""


def test_each_field_of_each_event_is_carried_closed_or_holds_no_value() -> None:
    fields = {one.name for kind in get_args(events.Event) for one in dataclasses.fields(kind)}
    assert fields - set(CARRIED) == NAMES_AND_NUMBERS
