"""The revisions of a flow: listed, compared, run, brought back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb

TEXT = """id: hello
namespace: tests
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "%s"}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[fb.Workspace]:
    with fb.open(tmp_path, embedded=True) as opened:
        yield opened


@pytest.fixture
def hello(workspace: fb.Workspace) -> str:
    for word in ("one", "two", "three"):
        workspace.deploy(TEXT % word)
    return "tests.hello"


def test_two_revisions_are_compared(workspace: fb.Workspace, hello: str) -> None:
    assert [row["revision"] for row in workspace.revisions(hello)] == [3, 2, 1]
    lines = workspace.compare(hello).splitlines()
    assert lines[:2] == ["--- tests.hello revision 2", "+++ tests.hello revision 3"]
    assert [line[-8:] for line in lines if line[0] in "+-"][2:] == [': "two"}', '"three"}']
    assert '+  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "three"}' in lines
    assert workspace.compare(hello, 1).startswith("--- tests.hello revision 1\n+++ tests.hello rev")
    assert workspace.compare(hello, 2, 2) == ""


def test_an_older_revision_is_run(workspace: fb.Workspace, hello: str) -> None:
    run = workspace.run(hello, revision=1)
    assert (run.revision, run["say"].outputs["value"]) == (1, "one")
    assert workspace.replay(run.id, revision=3).wait(20)["say"].outputs["value"] == "three"


def test_an_older_revision_comes_back_as_a_new_one(workspace: fb.Workspace, hello: str) -> None:
    assert workspace.restore(hello, 1).source == TEXT % "one"
    assert [row["revision"] for row in workspace.revisions(hello)] == [4, 3, 2, 1]
    assert workspace.run(hello)["say"].outputs["value"] == "one"
    workspace.delete(hello)
    workspace.restore(hello, 2)
    assert workspace.run(hello)["say"].outputs["value"] == "two"


def test_a_flow_with_a_file_is_restored_there(workspace: fb.Workspace) -> None:
    path = workspace.root / "flows" / "hello.yaml"
    path.parent.mkdir()
    for word in ("one", "two"):
        path.write_text(TEXT % word)
        workspace.deploy(path)
    workspace.restore("tests.hello", 1)
    assert path.read_text() == TEXT % "one"
    path.write_text(TEXT % "edited meanwhile")
    with pytest.raises(fb.Conflict, match="holds something else than any revision"):
        workspace.restore("tests.hello", 2)
    assert path.read_text() == TEXT % "edited meanwhile"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda ws: ws.restore("tests.hello", 7), "has no revision 7; it has 1, 2, 3"),
        (lambda ws: ws.compare("tests.hello", 1, 9), "has no revision 9"),
        (lambda ws: ws.compare("tests.nobody"), "Unable to find flow 'tests'.'nobody'"),
        (lambda ws: ws.run("tests.hello", revision=9), "'hello' with revision '9'"),
    ],
)
def test_revisions_there_arent(workspace: fb.Workspace, hello: str, wrong, message: str) -> None:
    with pytest.raises(fb.NotFound, match=message):
        wrong(workspace)
