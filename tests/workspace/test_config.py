from __future__ import annotations

from pathlib import Path

import pytest

from flowbook.errors import WorkspaceError
from flowbook.workspace.config import Config, PlaceholderUnresolved, load, parse, resolve
from flowbook.workspace.place import Place


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "a"),
        ("x${A}y${A}", "xaya"),
        ("${MISSING:default}", "default"),
        ("${EMPTY:default}", ""),
        ("${EMPTY:-default}", "default"),
        ("${MISSING:}", ""),
        ("${MISSING:${A:x}}", "a"),
        ("${MISSING:${B:x}y}", "xy"),
        ("${MISSING:http://host:80/}", "http://host:80/"),
        ("$${A}", "${A}"),
        ("$A $ {A}", "$A $ {A}"),
        ("${A", "${A"),
        ("${A:?told}", "a"),
    ],
)
def test_placeholders(text: str, expected: str) -> None:
    assert resolve(text, {"A": "a", "EMPTY": ""}) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${X}", r"Could not resolve placeholder \$\{X\}"),
        ("${X:?set X to the host}", "X: set X to the host"),
        ("${X:?}", "X is required"),
        ("${EMPTY:?told}", "EMPTY: told"),
    ],
)
def test_placeholders_without_a_value_are_told(text: str, message: str) -> None:
    with pytest.raises(PlaceholderUnresolved, match=message):
        resolve(text, {"EMPTY": ""})


def test_types_come_after_substitution_and_quotes_keep_text() -> None:
    text = 'a: ${N}\nb: "${N}"\nc: ${B:true}\nd: [1, on, 22:10:00, 0o17, 1e3, ~]\ne: ${EMPTY}\n'
    assert parse(text, {"N": "80", "EMPTY": ""}) == {
        "a": 80,
        "b": "80",
        "c": True,
        "d": [1, "on", "22:10:00", 15, 1000.0, None],
        "e": None,
    }


def test_a_placeholder_cannot_bring_in_structure() -> None:
    assert parse("a: ${X}", {"X": "1\nb: 2"}) == {"a": "1\nb: 2"}


def test_keys_in_any_case_below_kestra_or_at_the_root() -> None:
    config = Config(
        {
            "kestra": {"serverPort": 1, "a_b": {"c-d": 2}},
            "flowbook": {"retention": {"executions": "P1D"}},
            "micronaut.server.port": 3,
        }
    )
    assert config.get("server-port") == 1
    assert config.get("kestra.a-b.cD") == 2
    assert config.get("flowbook.retention.executions") == "P1D"
    assert config.get("micronaut.server.port") == 3
    assert config.get("nothing.here", 7) == 7


def test_the_environment_overrides() -> None:
    environ = {"KESTRA_SERVER_BASIC_AUTH_ENABLED": "true", "FLOWBOOK_RETENTION_LOGS": "P7D"}
    config = Config({"kestra": {"server": {"basic-auth": {"enabled": False}}}}, environ)
    assert config.get("server.basicAuth.enabled") is True
    assert config.get("flowbook.retention.logs") == "P7D"


def test_where_it_is_looked_for(tmp_path: Path) -> None:
    place = Place(tmp_path / "w").create()
    place.config.write_text("who: workspace")
    assert load(place, trusted=True, environ={}, folder=tmp_path).get("who") == "workspace"
    (tmp_path / "kestra.yml").write_text("who: folder")
    assert load(place, trusted=True, environ={}, folder=tmp_path).get("who") == "folder"
    environ = {"KESTRA_CONFIGURATION": "who: inline"}
    assert load(place, trusted=True, environ=environ, folder=tmp_path).get("who") == "inline"
    lines = {"KESTRA_CONFIGURATION": "a.who=lines\na.b.c=5"}
    assert load(place, trusted=True, environ=lines, folder=tmp_path).get("a.b.c") == 5
    named = {"KESTRA_CONFIGURATION": f"file://{place.config}"}
    assert load(place, trusted=True, environ=named, folder=tmp_path).get("who") == "workspace"
    (tmp_path / "x.yml").write_text("who: ${WHO}")
    environ = {"FLOWBOOK_CONFIG": str(tmp_path / "x.yml"), "WHO": "named"}
    assert load(place, trusted=False, environ=environ, folder=tmp_path).get("who") == "named"
    assert load(place, trusted=False, file=place.config, environ=environ).get("who") == "workspace"
    assert (
        load(Place(tmp_path / "none"), trusted=False, environ={}, folder=tmp_path / "none").values
        == {}
    )


def test_an_untrusted_workspace_reads_no_environment_and_imports_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path).create()
    place.config.write_text(
        "kestra:\n  url: http://x/${HOME}\n  environment: {name: shown}\n  plugins: {locations: [evil], defaults: []}\n"
        "flowbook:\n  connections: {db: {url: x}}\n  timezone: UTC\n"
    )
    config = load(place, trusted=False, environ={"HOME": "/root"}, folder=tmp_path / "elsewhere")
    assert config.get("environment.name") == "shown"
    assert config.get("flowbook.timezone") == "UTC"
    for path in ("url", "plugins.locations", "flowbook.connections"):
        assert config.get(path) is None
    assert len(config.warnings) == 3
    assert ":2: kestra.url" in config.warnings[0]
    trusted = load(place, trusted=True, environ={"HOME": "/root"}, folder=tmp_path / "elsewhere")
    assert trusted.get("plugins.locations") == ["evil"]


def test_a_secret_without_a_value_is_absent_with_a_warning() -> None:
    warnings: list[str] = []
    assert parse("secrets:\n  a: ${NOPE}\n  b: x\n", {}, source="f", warnings=warnings) == {
        "secrets": {"b": "x"}
    }
    assert warnings == ["f:2: secrets.a is left out: Could not resolve placeholder ${NOPE}"]


@pytest.mark.parametrize("text", ["a: [", "- 1", "a: &x [*x]", "a: ${X}"])
def test_what_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(WorkspaceError):
        parse(text, {}, source="config.yml")
    with pytest.raises(WorkspaceError, match=r"config\.yml"):
        parse(text, {}, source="config.yml")


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(WorkspaceError, match="too large"):
        parse("\n".join(lines), {})
