"""Inputs as people give them: pairs, files of inputs, files as values; the same from each side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.api.inputs import of_file, pair, read
from flowbook.errors import InputInvalid

FLOW = """
id: given
namespace: tests
inputs:
  - {id: name, type: STRING, defaults: Ada}
  - {id: rows, type: JSON, required: false}
  - {id: data, type: FILE, required: false, allowedFileExtensions: [.csv]}
  - {id: req.file, type: FILE, required: false}
tasks:
  - {id: said, type: io.kestra.plugin.core.debug.Return, format: "{{ inputs.name }}"}
  - {id: text, type: io.kestra.plugin.core.debug.Return, format: "{{ read(inputs.data) }}",
     runIf: "{{ inputs.data is not null }}"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    (tmp_path / "name.txt").write_text("Grace\n")
    return tmp_path


@pytest.fixture
def workspace(folder: Path):
    with fb.open(folder / "space") as opened:
        yield opened


def test_pairs_and_files_of_inputs(folder: Path) -> None:
    (folder / "in.yaml").write_text("name: Ada\nday: 2025-01-01\nn: 3\n")
    (folder / "in.json").write_text(json.dumps({"n": 4, "deep": {"a": [1]}}))
    assert of_file("in.yaml") == {"name": "Ada", "day": "2025-01-01", "n": 3}
    assert read(["in.json", "name=Bo=b"], "in.yaml") == {
        "name": "Bo=b",
        "day": "2025-01-01",
        "n": 4,
        "deep": {"a": [1]},
    }
    assert pair("data=@data.csv") == ("data", Path("data.csv"))
    assert pair("mail=@@ada") == ("mail", "@ada")


@pytest.mark.parametrize(
    ("entries", "file", "message"),
    [
        (["nonsense"], None, r"'nonsense' isn't an input\n    Write name=value, name=@file"),
        (["=x"], None, "'=x' isn't an input"),
        ([], "nowhere.yaml", "The inputs in nowhere.yaml can't be read: No such file"),
        ([], "list.yaml", r"list.yaml holds no map of inputs\n    Write a line `name: value`"),
        ([], "bad.yaml", "The inputs in bad.yaml can't be read: .*'a'"),
        ([], "latin.yaml", "no text in UTF-8"),
    ],
)
def test_what_is_no_input_says_so(
    folder: Path, entries: list[str], file: str | None, message: str
) -> None:
    (folder / "list.yaml").write_text("- a\n")
    (folder / "bad.yaml").write_text("a: 1\na: 2\n")
    (folder / "latin.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(InputInvalid, match=message):
        read(entries, file)


def test_a_file_for_a_file_input_goes_into_the_storage(workspace: fb.Workspace) -> None:
    for given in ("data.csv", Path("data.csv"), Path("data.csv").resolve()):
        run = workspace.run(FLOW, {"data": given, "name": Path("name.txt")})
        uri = run.inputs["data"]
        assert uri.startswith("kestra:///tests/given/executions/")
        assert uri.endswith(f"{run.id}/inputs/data/data.csv")
        assert run["text"].outputs == {"value": "a,b\n1,2\n"}
        assert run["said"].outputs == {"value": "Grace"}


def test_a_file_of_a_group_and_one_whose_text_is_a_value(
    workspace: fb.Workspace, folder: Path
) -> None:
    (folder / "rows.json").write_text('[{"a": 1}]')
    run = workspace.run(FLOW, {"req": {"file": Path("name.txt")}, "rows": Path("rows.json")})
    assert run.inputs["rows"] == [{"a": 1}]
    assert run.inputs["req"]["file"].endswith("/inputs/reqfile/name.txt")
    again = workspace.replay(run.id, inputs={"req.file": run.inputs["req"]["file"]}).wait()
    assert again.inputs["req"] == run.inputs["req"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": "gone.csv"}, r"Invalid input for `data`, there is no file .*gone\.csv"),
        ({"data": "name.txt"}, r"its name must end with one of `\[.csv\]`"),
        ({"name": Path("gone")}, "Invalid input for `name`, the file gone: No such file"),
        ({"nmae": "x"}, r"has no input 'nmae'\n    Did you mean 'name'\?"),
        ({"data": "file:///etc/passwd.csv"}, "leads out of the workspace"),
    ],
)
def test_files_that_cannot_be_taken(workspace: fb.Workspace, given: dict, message: str) -> None:
    with pytest.raises(InputInvalid, match=message):
        workspace.run(FLOW, given)


def test_a_missing_file_is_told_with_all_else(workspace: fb.Workspace) -> None:
    kept = {*workspace.engine.storage.root.rglob("*")}
    given = {"data": "gone.csv", "rows": "{no", "nmae": "x", "req": {"file": "name.txt"}}
    with pytest.raises(InputInvalid) as refused:
        workspace.run(FLOW, given)
    assert refused.value.paths == ("nmae", "rows", "data")
    with pytest.raises(InputInvalid) as refused:
        workspace.run(FLOW, {"data": "gone.csv", "nmae": "x", "req": {"file": "name.txt"}})
    assert refused.value.paths == ("nmae", "data")
    assert {*workspace.engine.storage.root.rglob("*")} == kept


def test_without_a_person_here_paths_are_refused_and_unknown_names_warned_of(
    workspace: fb.Workspace,
) -> None:
    call, engine = workspace.portal.call, workspace.engine
    with pytest.raises(InputInvalid, match="an upload or by its kestra:/// URI"):
        call(engine.run(FLOW, {"data": "data.csv"}))
    run = workspace.execution(call(engine.run(FLOW, {"nmae": "x"}))).wait()
    said = [line["message"] for line in run.logs("WARN")]
    assert said == ["The flow has no input 'nmae': its value is ignored"]


def test_what_a_pause_asks_is_read_like_any_input(workspace: fb.Workspace) -> None:
    run = workspace.run(
        """
        id: asks
        namespace: tests
        tasks:
          - id: wait
            type: io.kestra.plugin.core.flow.Pause
            onResume:
              - {id: level, type: SELECT, expression: "{{ ['low', 'high'] }}"}
              - {id: why, type: STRING, defaults: "because {{ flow.id }}"}
              - {id: data, type: FILE, required: false}
          - {id: text, type: io.kestra.plugin.core.debug.Return, format: "{{ read(outputs.wait.onResume.data) }}"}
        """,
        wait=False,
    )
    while str(run.state) != "PAUSED":
        assert not run.state.is_terminal
    with pytest.raises(InputInvalid, match=r"`\[low, high\]`"):
        workspace.resume(run.id, {"level": "middle"})
    workspace.resume(run.id, {"level": "low", "data": Path("data.csv")})
    run.wait(30)
    assert run["wait"].outputs["onResume"]["why"] == "because asks"
    assert run["text"].outputs == {"value": "a,b\n1,2\n"}


def test_defaults_name_files_of_namespaces_and_of_the_workspace(workspace: fb.Workspace) -> None:
    place = workspace.engine.place
    for path in (place.namespaces / "tests" / "own.csv", place.namespaces / "other" / "o.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.stem)
    (place.root / "here.csv").write_text("here")
    run = workspace.run(
        f"""
        id: file-defaults
        namespace: tests
        inputs:
          - {{id: own, type: FILE, defaults: "nsfile:///own.csv"}}
          - {{id: other, type: FILE, defaults: "nsfile://other/o.csv"}}
          - {{id: here, type: FILE, defaults: "file://{place.root}/here.csv"}}
        tasks:
          - {{id: all, type: Return, format: "{{{{ read(inputs.own) }}}} {{{{ read(inputs.other) }}}} {{{{ read(inputs.here) }}}}"}}
        """
    )
    assert run["all"].outputs == {"value": "own o here"}
    assert all(uri.startswith("kestra:///tests/file-defaults/") for uri in run.inputs.values())


def test_a_misspelt_name_hides_no_other_problem(workspace: fb.Workspace, folder: Path) -> None:
    with pytest.raises(InputInvalid) as refused:
        workspace.run(FLOW, {"nmae": "x", "rows": "{", "data": folder / "data.csv"})

    first, second = refused.value.messages
    assert "has no input 'nmae'" in first
    assert "`rows`" in second
    assert refused.value.paths == ("nmae", "rows")
    assert workspace.executions() == []
    assert not list((folder / "space").rglob("data.csv"))
