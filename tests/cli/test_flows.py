"""Flows in files and in the workspace: deployed, listed, shown, exported; namespaces, keys, completion."""

from __future__ import annotations

import json
import zipfile

import pytest

from .conftest import Terminal

HELLO = """# a comment that stays
id: hello
namespace: shop.etl
description: Says hello.
labels: {team: data}
tasks:
  - {id: greet, type: io.kestra.plugin.core.log.Log, message: hello}
triggers:
  - {id: nightly, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 2 * * *", timezone: Europe/Paris}
"""
OTHER = """id: other
namespace: shop
disabled: true
tasks:
  - {id: greet, type: io.kestra.plugin.core.log.Log, message: other}
"""


@pytest.fixture(scope="module")
def deployed(flowbook: Terminal) -> Terminal:
    """A workspace that knows two flows."""
    flowbook.write("ws/flows/hello.yaml", HELLO)
    flowbook.write("ws/flows/sub/other.yml", OTHER)
    flowbook.write("ws/flows/notes.yaml", "just: notes\n")
    done = flowbook("flows", "deploy", "ws/flows")
    assert done.stdout == ("✓ - shop.etl.hello  revision 1\n✓ - shop.other  revision 1\n"), (
        done.stderr
    )
    return flowbook


@pytest.mark.slow
def test_deploying_again_makes_no_revision(deployed: Terminal) -> None:
    again = deployed.json("flows", "deploy", "ws/flows/hello.yaml")
    assert [(flow["id"], flow["revision"]) for flow in again] == [("hello", 1)]


@pytest.mark.slow
def test_a_folder_with_an_error_is_not_deployed_at_all(deployed: Terminal) -> None:
    deployed.write("mixed/good.yaml", HELLO.replace("id: hello", "id: good"))
    deployed.write("mixed/bad.yaml", "id: bad\nnamespace: shop\ntasks: nothing\n")
    done = deployed("flows", "deploy", "mixed")
    assert done.returncode == 1
    assert "bad.yaml:3:8" in done.stdout
    assert "Nothing was deployed." in done.stderr
    assert deployed("flows", "get", "shop.etl.good").returncode == 1


@pytest.mark.slow
def test_list_get_and_namespaces(deployed: Terminal) -> None:
    listed = deployed.json("flows", "list")
    assert [(flow["id"], flow["disabled"], flow["triggers"]) for flow in listed] == [
        ("other", True, []),
        ("hello", False, ["nightly"]),
    ]
    below = deployed.json("flows", "list", "--namespace", "shop.etl", "--labels", "team=data")
    assert [flow["id"] for flow in below] == ["hello"]
    assert deployed("flows", "get", "shop.etl.hello").stdout == HELLO


@pytest.mark.slow
def test_namespaces_and_triggers_are_listed(deployed: Terminal) -> None:
    assert deployed.json("namespaces", "list") == [
        {"id": "shop", "flows": 1, "disabled_flows": 1},
        {"id": "shop.etl", "flows": 1, "disabled_flows": 0},
    ]
    trigger = deployed.json("triggers", "list")[0]
    assert (trigger["flow"], trigger["trigger"], trigger["zone"]) == (
        "shop.etl.hello",
        "nightly",
        "Europe/Paris",
    )
    assert "T02:00:00" in trigger["next"]


@pytest.mark.slow
def test_export_writes_files_or_an_archive(deployed: Terminal) -> None:
    assert deployed("flows", "export", "out", "-n", "shop.etl").stdout == "1 flows in out\n"
    assert (deployed.folder / "out/shop.etl/hello.yaml").read_text() == HELLO
    assert deployed("flows", "export", "out", "--zip").returncode == 0
    with zipfile.ZipFile(deployed.folder / "out/flows.zip") as archive:
        assert sorted(archive.namelist()) == ["shop.etl.hello.yml", "shop.other.yml"]


@pytest.mark.slow
def test_keys_are_kept_as_what_they_say(deployed: Terminal) -> None:
    assert deployed("kv", "set", "shop", "rate", "1.08").returncode == 0
    assert deployed("kv", "set", "shop", "word", "plain text").returncode == 0
    assert deployed("kv", "get", "shop", "rate").stdout == "1.08\n"
    assert deployed("kv", "get", "shop", "word").stdout == "plain text\n"
    assert [row["key"] for row in deployed.json("kv", "list", "shop")] == ["rate", "word"]
    assert deployed("kv", "delete", "shop", "rate").returncode == 0
    assert deployed("kv", "delete", "shop", "rate").returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("flowbook fl", "flows"),
        ("flowbook flows run shop.e", "shop.etl.hello"),
        ("flowbook plugins doc Downl", "io.kestra.plugin.core.http.Download"),
        ("flowbook flows list -n shop", "shop.etl"),
    ],
)
def test_the_tab_key_offers_ids(line: str, offered: str, deployed: Terminal) -> None:
    done = deployed(
        environment={
            "_FLOWBOOK_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        }
    )
    assert offered in [each.partition(",")[2] for each in done.stdout.splitlines()]


def test_completion_prints_the_script_of_the_shell(flowbook: Terminal) -> None:
    assert "_FLOWBOOK_COMPLETE=zsh_complete" in flowbook("completion", "zsh").stdout


@pytest.mark.slow
def test_schema_describes_every_type(deployed: Terminal) -> None:
    text = deployed("flows", "schema").stdout
    assert json.loads(text)
    assert '"io.kestra.plugin.core.log.Log"' in text
    assert "One log line" in text or "one log line per item" in text


def test_init_makes_a_workspace_and_trusts_it(flowbook: Terminal) -> None:
    done = flowbook("init", "fresh")
    assert done.returncode == 0
    assert (flowbook.folder / "fresh/.flowbook/workspace.json").is_file()
    assert "flowbook run fresh/flows/hello.yaml" in done.stdout
    again = flowbook("init", "fresh")
    assert again.stdout.startswith("Trusted the workspace")
