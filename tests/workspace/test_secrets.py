from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from flowbook.errors import FlowbookError, NotFound, WorkspaceError
from flowbook.workspace.config import Config
from flowbook.workspace.masking import Mask
from flowbook.workspace.place import Place
from flowbook.workspace.secrets import Key, Secrets, is_sealed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    return Place(tmp_path / "w")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_first_source_that_has_it_wins(place: Place) -> None:
    key = Key(place)
    stored = [
        {"DB": key.encrypt("own"), "ONLY": key.encrypt("child")},
        {"ONLY": key.encrypt("parent"), "UP": key.encrypt("up")},
    ]
    environ = {"SECRET_DB": encoded("from env")}
    secrets = Secrets(
        Config({"secrets": {"db": "configured", "stripe_api_key": "sk"}}), key, environ
    )
    assert secrets.get("DB", stored) == "from env"
    assert secrets.get("STRIPE-API-KEY") == "sk"
    assert (secrets.get("ONLY", stored), secrets.get("UP", stored)) == ("child", "up")
    with pytest.raises(NotFound, match=r"Cannot find secret for key 'X'\."):
        secrets.get("X", stored)


def test_a_value_that_is_not_base64(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    environ = {"SECRET_X": "not base64!"}
    with caplog.at_level(logging.ERROR):
        assert Secrets(Config(), Key(place), environ).find("X") is None
    assert "Could not decode secret 'SECRET_X', make sure it is Base64-encoded" in caplog.text
    assert "not base64!" not in caplog.text
    plain = Config({"flowbook": {"secrets": {"allow-plain-env": True}}})
    assert Secrets(plain, Key(place), environ).find("X") == "not base64!"


def test_the_key_is_made_once_and_for_its_owner_alone(place: Place) -> None:
    closed = Key(place).encrypt("hunter2")
    assert place.secret_key.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(closed)) == 12 + len("hunter2") + 16
    assert Key(place).decrypt(closed) == "hunter2"
    assert Key(place).encrypt("hunter2") != closed
    assert "*" in (place.internal / ".gitignore").read_text().splitlines()


def test_a_changed_value_or_another_key_opens_nothing(place: Place) -> None:
    closed = Key(place).encrypt("hunter2")
    changed = bytearray(base64.b64decode(closed))
    changed[15] ^= 1
    with pytest.raises(FlowbookError, match="another one"):
        Key(place).decrypt(base64.b64encode(bytes(changed)).decode())
    place.secret_key.unlink()
    with pytest.raises(FlowbookError, match="missing"):
        Key(place).decrypt(closed)
    assert not place.secret_key.exists()
    place.secret_key.write_text("short")
    with pytest.raises(WorkspaceError):
        Key(place).decrypt(closed)


def test_keys_of_the_configuration(place: Place) -> None:
    config = Config(
        {"kestra": {"encryption": {"secret-key": base64.b64encode(b"k" * 32).decode()}}}
    )
    assert Key(place, config).decrypt(Key(place, config).encrypt("x")) == "x"
    any_length = Config({"kestra": {"security": {"secret-key": "short"}}})
    assert Key(place, any_length).decrypt(Key(place, any_length).encrypt("x")) == "x"
    assert not place.secret_key.exists()
    with pytest.raises(WorkspaceError, match="32 bytes"):
        Key(place, Config({"encryption": {"secret-key": "abc"}}))


def test_whole_values_are_sealed_and_opened_wherever_they_stand(place: Place) -> None:
    key = Key(place)
    value = {"token": "hunter2", "n": [1, None]}
    sealed = key.seal(value)
    assert is_sealed(sealed)
    assert "hunter2" not in json.dumps(sealed)
    assert key.open({"a": [sealed, 2], "b": "x"}) == {"a": [value, 2], "b": "x"}


SECRET = 'p"ss\nw/ö'


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        f"Authorization: {SECRET}!",
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        repr({"key": SECRET}),
        SECRET * 3,
        f"Basic {base64.b64encode(SECRET.encode()).decode()}",
        f"https://example.org/?key={quote(SECRET, safe='')}&more",
        f"key={quote_plus(SECRET)}",
    ],
)
def test_a_secret_does_not_show_however_it_is_written(shown: str) -> None:
    masked = Mask([SECRET]).text(shown)
    assert "********" in masked
    assert "ss" not in masked


def test_always_eight_stars_and_nothing_for_short_values() -> None:
    assert (
        Mask(["abc", "a much longer secret"]).text("abc, a much longer secret")
        == "********, ********"
    )
    assert Mask(["ab", "", "x"]).text("ab x") == "ab x"
    assert not Mask(["ab"])


def test_the_longest_secret_is_masked_first() -> None:
    assert Mask(["token", "token-extended"]).text("token-extended token") == "******** ********"


def test_each_line_of_a_key_file_is_masked() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nabc\n-----END KEY-----"
    assert "MIIE" not in Mask([pem]).text("line: MIIEvQIBADANBgkqhkiG")
    assert Mask([pem]).text("abc") == "abc"


def test_deep_masks_values_and_keys_and_leaves_the_rest() -> None:
    mask = Mask(["hunter2", "12345"])
    value = {
        "a": ["hunter2", {"hunter2": 12345}],
        "n": 1,
        "t": (None, True, 2.5),
        "b": b"hunter2",
        "x": 123456,
    }
    masked = mask.deep(value)
    assert masked == {
        "a": ["********", {"********": "********"}],
        "n": 1,
        "t": (None, True, 2.5),
        "b": b"********",
        "x": 123456,
    }
    assert value["a"][0] == "hunter2"  # type: ignore[index]
    assert mask.holds(value)
    assert not mask.holds(masked)


def test_masks_grow() -> None:
    mask = Mask(["abc"])
    assert mask.and_(["abc"]) is mask
    assert mask.and_(["def"]).text("abc def") == "******** ********"
