"""What a workspace says of its notebooks: limits, and copies frozen at deployment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

from .conftest import notebook

FLOW = """
id: settings
namespace: tests
tasks:
  - {id: train, type: flowbook.jupyter.Notebook, path: train.ipynb, SOURCE}
"""


@pytest.fixture(autouse=True)
def stock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWBOOK_KERNELS", "stock")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    written(tmp_path, "print('first')")
    return tmp_path


def written(folder: Path, *cells: str) -> None:
    (folder / "train.ipynb").write_text(json.dumps(notebook(*cells)))


def configured(folder: Path, text: str) -> None:
    config = folder / ".flowbook" / "config.yml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(f"flowbook:\n  notebooks:\n    {text}\n")


def said(run: object) -> str:
    copy = json.loads(run["train"].path("notebook").read_text())
    return "".join(copy["cells"][0]["outputs"][0]["text"])


def test_outputs_are_cut_where_the_workspace_says(folder: Path) -> None:
    configured(folder, "max-output: 2 kB")
    written(folder, "print('x' * 5000)")
    with fb.open(folder) as workspace:
        run = workspace.run(FLOW.replace("SOURCE", "source: live"), timeout=60)
        assert run.state is State.SUCCESS
        copy = json.loads(run["train"].path("notebook").read_text())
        kept, note = ("".join(output["text"]) for output in copy["cells"][0]["outputs"])
        assert len(kept) <= 2000
        assert "[cut by flowbook: this cell's outputs exceed 2 kB" in note


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max-output: lots", "max-output is 'lots': give bytes, or a size like 20MiB"),
        ("max-parallel: 0", "max-parallel is 0: give a whole number from 1, like 4"),
    ],
)
def test_a_limit_that_says_nothing_is_told(folder: Path, text: str, message: str) -> None:
    configured(folder, text)
    with fb.open(folder) as workspace:
        run = workspace.run(FLOW.replace("SOURCE", "source: live"), timeout=60)
        assert run["train"].error["message"] == f"flowbook.notebooks.{message}"


def test_as_many_side_by_side_as_the_workspace_says(folder: Path) -> None:
    configured(folder, "max-parallel: 1")
    written(
        folder,
        "import os, pathlib\nmine = os.open('running', os.O_CREAT | os.O_EXCL)",
        "os.close(mine)\npathlib.Path('running').unlink()",
    )
    tasks = [
        {"id": f"n{number}", "type": "flowbook.jupyter.Notebook", "path": "train.ipynb"}
        for number in range(3)
    ]
    both = {"id": "all", "type": "io.kestra.plugin.core.flow.Parallel", "tasks": tasks}
    with fb.open(folder) as workspace:
        run = workspace.run({"id": "side", "namespace": "tests", "tasks": [both]}, timeout=90)
        assert run.state is State.SUCCESS, run.error


def test_a_pinned_notebook_runs_as_it_was_deployed(folder: Path) -> None:
    flow = folder / "flow.yaml"
    flow.write_text(FLOW.replace("SOURCE", "source: pinned"))
    with fb.open(folder) as workspace:
        workspace.deploy(flow)
        written(folder, "print('second')")
        run = workspace.run("tests.settings", timeout=60)
        assert (run.state, said(run)) == (State.SUCCESS, "first\n")
        assert "has changed since the flow was deployed" in str(run.logs())
        (folder / "train.ipynb").unlink()
        assert said(workspace.run("tests.settings", timeout=60)) == "first\n"
        written(folder, "print('third')")
        workspace.deploy(flow)
        assert said(workspace.run("tests.settings", timeout=60)) == "third\n"


def test_a_notebook_that_was_not_there_can_not_be_pinned(folder: Path) -> None:
    (folder / "train.ipynb").unlink()
    flow = folder / "flow.yaml"
    flow.write_text(FLOW.replace("SOURCE", "source: pinned"))
    with fb.open(folder) as workspace:
        workspace.deploy(flow)
        run = workspace.run("tests.settings", timeout=60)
        assert run["train"].error["message"] == (
            "'train.ipynb' was not there when the flow was deployed: "
            "deploy it again, or use `source: live`"
        )


def test_only_a_plain_path_is_pinned(folder: Path) -> None:
    text = FLOW.replace("SOURCE", "source: pinned").replace("train.ipynb", '"{{ inputs.x }}"')
    with fb.open(folder) as workspace:
        problems = workspace.validate(text)
    assert any("needs the plain path" in problem.message for problem in problems)
