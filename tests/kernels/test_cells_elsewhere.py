"""`Cell` and `Call` where nobody waits in a kernel of their own: one fresh kernel an execution."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb
from flowbook.errors import FlowInvalid

PACKAGE = Path(__file__).parents[2] / "kernel_ext"
HOST = Path(__file__).parents[1] / "engine/host_process.py"
RECOVERS = "recover: RESTART"
PREP = """
id: prep
namespace: tests
tasks:
  - id: load
    type: flowbook.jupyter.Cell
    outputs: [frame, figure]
    code: |
      import asyncio, os
      import flowbook as fb
      from matplotlib.figure import Figure
      frame = [{"n": i} for i in range(3)]
      figure = Figure()
      await asyncio.sleep(0.01)
      print(f"{{braces}} are its own, in {os.getpid()}")
      fb.outputs(word=fb.inputs["word"])
  - id: total
    type: flowbook.jupyter.Cell
    after: [load]
    code: |
      print(os.getpid())
      sum(r["n"] for r in frame)
inputs: [{id: word, type: STRING, defaults: hello}]
"""
CALLS = """
id: calls
namespace: tests
tasks:
  - id: table
    type: io.kestra.plugin.jdbc.duckdb.Query
    sql: select i from range(200) t(i)
    fetchType: FETCH
  - id: total
    type: flowbook.jupyter.Call
    function: "mine:total"
    args: ["{{ outputs.table.rows }}"]
    kwargs: {more: "{{ 1 + 1 }}"}
  - {id: later, type: flowbook.jupyter.Call, function: "mine:later", args: ["{{ outputs.total.value }}"]}
  - {id: plain, type: flowbook.jupyter.Call, function: score, allowFailure: true}
  - {id: typo, type: flowbook.jupyter.Call, function: "mine:totl", allowFailure: true}
  - {id: broken, type: flowbook.jupyter.Call, function: "mine:broken", allowFailure: true}
  - {id: odd, type: flowbook.jupyter.Call, function: "builtins:object", allowFailure: true}
"""
MINE = """
def total(rows, more):
    return int(rows.df().i.sum()) + more

async def later(value):
    import asyncio
    await asyncio.sleep(0.01)
    return {"doubled": value * 2}

def broken():
    raise ValueError("not today")
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fb.Workspace]:
    monkeypatch.setenv("FLOWBOOK_KERNELS", "stock")
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    with fb.open(tmp_path, embedded=True) as opened:
        yield opened


def flow(*tasks: str) -> str:
    lines = "\n".join(f"  - {task}" for task in tasks)
    return f"id: cells\nnamespace: tests\ntasks:\n{lines}\n"


def cell(name: str, code: str, more: str = "") -> str:
    return f"{{id: {name}, type: flowbook.jupyter.Cell, code: {json.dumps(code)}{', ' if more else ''}{more}}}"


def until(holds: Callable[[], bool]) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def message(run: fb.Run, task: str) -> str:
    error: dict[str, Any] = run[task].error or {}
    return str(error["message"])


def test_cells_share_one_kernel_and_hand_on_what_they_name(workspace: fb.Workspace) -> None:
    run = workspace.run(PREP, timeout=60)

    assert run.state == "SUCCESS", run.error
    outputs = run["load"].outputs
    assert (outputs["frame"], outputs["word"]) == ([{"n": 0}, {"n": 1}, {"n": 2}], "hello")
    assert run["load"].path("figure").read_bytes().startswith(b"\x89PNG")
    assert dict(run["total"].outputs) == {"result": 3}
    first, second = [line["message"] for line in run.logs() if line["task_id"]]
    assert first == f"{{braces}} are its own, in {second}"


def test_the_kernel_ends_with_its_execution(workspace: fb.Workspace) -> None:
    run = workspace.run(flow(cell("who", "import os; os.getpid()")), timeout=60)

    pid = run["who"].outputs["result"]
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert workspace.engine.code_places == {}


def test_what_goes_wrong_in_a_cell_is_said_with_its_line(workspace: fb.Workspace) -> None:
    forgiving = "allowFailure: true"
    run = workspace.run(
        flow(
            cell("total", "x = 1\nsum(fram)", forgiving),
            cell("read", "x = 1\nx x", forgiving),
            cell("load", "x = 1", f"outputs: [frame], {forgiving}"),
            cell("model", "model = object()", f"outputs: [model], {forgiving}"),
            cell("slow", "import time; kept = 5; time.sleep(600)", f"timeout: PT1S, {forgiving}"),
            cell("still", "kept"),
            cell("die", "import os; os._exit(3)", forgiving),
            cell("gone", "kept"),
        ),
        timeout=120,
    )

    assert message(run, "total") == "NameError: name 'fram' is not defined, line 2 of total"
    assert message(run, "read") == "SyntaxError: invalid syntax, line 2 of read"
    assert message(run, "load") == "Cell 'load' did not define 'frame'"
    assert message(run, "model").startswith("Output 'model' is a object: hand on")
    assert message(run, "slow") == "Timeout after PT1S"
    assert run["still"].outputs["result"] == 5
    assert message(run, "die") == "The kernel died in 'die' (exit code 3)"
    assert message(run, "gone") == "'gone' can't go on: its variables ended with the kernel"
    assert run.state == "FAILED"


def test_a_restart_cannot_bring_the_variables_back(workspace: fb.Workspace) -> None:
    run = workspace.run(flow(cell("load", "x = 1"), cell("total", "x / 0")), timeout=60)
    assert message(run, "total") == "ZeroDivisionError: division by zero, line 1 of total"

    run.restart().wait(60)

    assert "its variables ended with the kernel" in message(run, "total")


def test_functions_are_called_with_tables_and_awaited(workspace: fb.Workspace) -> None:
    (workspace.root / "flows").mkdir(exist_ok=True)
    (workspace.root / "flows/mine.py").write_text(MINE)
    run = workspace.run(CALLS, timeout=120)

    assert run["total"].outputs["value"] == 19902
    assert run["later"].outputs["value"] == {"doubled": 39804}
    assert message(run, "plain") == "'score' lives in a kernel: use module:name"
    assert "module 'mine' has no function 'totl': did you mean 'total'?" in message(run, "typo")
    assert message(run, "broken") == "ValueError: not today"
    assert "Output 'value' is a object: hand on" in message(run, "odd")


def test_other_languages_have_a_kernel_of_their_own(
    workspace: fb.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bash_kernel")
    spec = tmp_path / "share/kernels/bash"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    said = {"argv": argv, "display_name": "Bash", "language": "bash", "env": {"PS1": "$"}}
    (spec / "kernel.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    run = workspace.run(
        flow(
            cell("set", "n=4", "language: bash"),
            cell("add", "m=$((n+1)); echo is $m", "language: bash, outputs: [m]"),
            cell("none", "1", "language: cobol, allowFailure: true"),
        ),
        timeout=120,
    )

    assert run["add"].outputs["m"] == "5", run.error
    assert "is 5" in [line["message"] for line in run.logs()]
    assert message(run, "none").startswith("No kernel for the language 'cobol': installed are ")


def test_a_cell_stands_below_those_it_needs(workspace: fb.Workspace) -> None:
    with pytest.raises(FlowInvalid) as refused:
        workspace.run(flow(cell("total", "x", "after: [load]"), cell("load", "x = 1")))
    assert "'total' needs 'load', which stands below it" in str(refused.value)
    with pytest.raises(FlowInvalid) as refused:
        workspace.run(flow(cell("load", "x = 1"), cell("total", "x", "after: [lod]")))
    assert "Not existing task id in dependency: lod" in str(refused.value)
    assert "Did you mean 'load'?" in str(refused.value)


def test_a_host_that_adopts_the_execution_says_that_its_variables_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    mark = tmp_path / "mark"
    text = flow(
        cell("load", "import os; x = os.getpid(); x"),
        cell("total", f"import time; open({str(mark)!r}, 'w').close(); time.sleep(600)", RECOVERS),
    )
    (tmp_path / "flow.yaml").write_text(text)
    host = subprocess.Popen(
        [sys.executable, str(HOST), str(tmp_path / "space"), str(tmp_path / "flow.yaml")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout is not None
        run_id = host.stdout.readline().strip()
        until(mark.exists)
    finally:
        host.kill()
        host.communicate()

    with fb.open(tmp_path / "space") as workspace:
        run = workspace.execution(run_id)
        until(lambda: run.state.is_terminal)

        assert "its variables ended with the kernel" in message(run, "total")
        assert [attempt["state"] for attempt in run["total"].attempts] == ["KILLED", "FAILED"]
        pid = run["load"].outputs["result"]
        until(lambda: not Path(f"/proc/{pid}").exists())
