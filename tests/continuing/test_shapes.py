"""What a continued notebook may have: parameters, secrets, files, a folder of its own, siblings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.errors import Conflict
from flowbook.kinds.state import State
from weekly import notebook

FLOW = """
id: shapes
namespace: demo
inputs:
  - {id: word, type: SECRET, defaults: hush-hush}
tasks:
  - id: rows
    type: io.kestra.plugin.jdbc.duckdb.Query
    sql: select i from range(500) t(i)
    fetchType: FETCH
  - id: it
    type: flowbook.jupyter.Notebook
    path: it.ipynb
    parameters: {word: "{{ inputs.word }}", rows: "{{ outputs.rows.rows }}"}
    outputs: [{id: size, variable: n}]
    cwd: TASK
    inputFiles: {data.txt: abc}
    outputFiles: ["*.out"]
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.it.size }}"}
"""
CELLS = (
    "word = ''\nrows = None",
    "n = 0\nopen('early.out', 'w').write('e')",
    "print(word)",
    "open('data.txt').read() + str(len(rows.df())) + str(1 / n)",
    "open('late.out', 'w').write(open('data.txt').read())",
)


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fb.Workspace]:
    monkeypatch.chdir(tmp_path)
    with fb.open(tmp_path) as ws:
        yield ws
        ws.portal.call(ws.engine.continuing.warm.end())


@pytest.fixture
def failed(ws: fb.Workspace) -> fb.Run:
    document = notebook(*CELLS)
    document["cells"][0]["metadata"]["tags"] = ["parameters"]
    (ws.root / "it.ipynb").write_text(json.dumps(document))
    (ws.root / "shapes.yaml").write_text(FLOW)
    run = ws.run("shapes.yaml", timeout=120)
    assert run["it"].error is not None
    assert run["it"].error["message"] == "Cell 4 of 5 failed: ZeroDivisionError: division by zero"
    return run


def copy_of(run: fb.Run) -> str:
    return run["it"].path("notebook").read_text()


def finished(run: fb.Run) -> None:
    assert run.state is State.SUCCESS, run.error
    assert run["after"].outputs["value"] in (2, "2")
    files = dict(run["it"].outputs)["outputFiles"]
    assert sorted(files) == ["early.out", "late.out"] or sorted(files) == ["late.out"]
    assert "hush-hush" not in copy_of(run)
    assert "********" in copy_of(run)


def test_in_the_kernel_with_its_own_folder(failed: fb.Run) -> None:
    kernel = failed["it"].kernel
    assert kernel.value("n") == 0
    kernel.execute("n = 2")
    failed.restart(continue_from=4).wait(120)
    finished(failed)
    assert failed.workspace.kernels() == []
    runs = failed.workspace.engine.place.runtime / "runs"
    deadline = time.monotonic() + 30
    while left := list(runs.iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_from_the_first_cell_parameters_are_given_again(failed: fb.Run) -> None:
    failed["it"].edit(2, "n = 2\nopen('early.out', 'w').write(word)")
    failed.restart(continue_from=1).wait(120)
    finished(failed)


def test_without_the_kernel(failed: fb.Run) -> None:
    failed["it"].edit(2, "n = 2\nopen('early.out', 'w').write('e')")
    failed["it"].kernel.end()
    failed.restart(continue_from=4).wait(120)
    finished(failed)


SIDE_BY_SIDE = """
id: both
namespace: demo
tasks:
  - id: side-by-side
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {id: left, type: flowbook.jupyter.Notebook, path: left.ipynb}
      - {id: right, type: flowbook.jupyter.Notebook, path: right.ipynb}
"""
ONCE = "import pathlib\nopen('NAME.txt', 'a').write('x')\nif not pathlib.Path('go').exists(): 1 / 0"


def test_others_that_failed_are_tried_again_from_their_start(ws: fb.Workspace) -> None:
    for name in ("left", "right"):
        cells = ("x = 1", ONCE.replace("NAME", f"{name}-first"), "done = 1")
        (ws.root / f"{name}.ipynb").write_text(json.dumps(notebook(*cells)))
    (ws.root / "both.yaml").write_text(SIDE_BY_SIDE)
    run = ws.run("both.yaml", timeout=120)
    assert run.state is State.FAILED
    with pytest.raises(Conflict, match="say which task, of left, right"):
        run.restart(continue_from=2)
    (ws.root / "go").touch()
    run.restart(continue_from=2, task="left").wait(120)
    assert run.state is State.SUCCESS, run.error
    left, right = run["left"].attempts[-1], run["right"].attempts[-1]
    assert left["rendered"]["continues"] == 1
    assert right["rendered"] is None
    assert ws.kernels() == []
