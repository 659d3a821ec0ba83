"""A cell, the command line and Python on one workspace at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import PATIENCE, Kernel

FLOW = """\
id: shared
namespace: demo
inputs:
  - {id: who, type: STRING}
tasks:
  - {id: wait, type: core.flow.Sleep, duration: PT5S}
  - {id: say, type: core.debug.Return, format: "{{ inputs.who }}"}
"""


def until(holds: Callable[[], Any]) -> Any:
    """The first true answer, asked again until there is one."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := holds()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return answer


def test_three_hosts_run_one_flow_into_one_history(
    kernel: Kernel, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import flowbook as fb

    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, environment[name])
    file = kernel.root / "shared.yaml"
    file.write_text(FLOW)
    shell = [sys.executable, "-m", "flowbook"]

    with fb.open(kernel.root) as workspace:
        workspace.deploy(file)
        with subprocess.Popen(
            [*shell, "run", "demo.shared", "-i", "who=terminal", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as terminal:
            first = until(lambda: workspace.executions(flow="demo.shared", state="RUNNING"))
            request = kernel.start("%flow run demo.shared -i who=cell -o run")
            mine = workspace.run("demo.shared", {"who": "python"}, wait=False)
            until(lambda: len(workspace.executions(flow="demo.shared")) == 3)
            assert first[0].state == "RUNNING"
            mine.wait(PATIENCE)
            answer, said = terminal.communicate(timeout=PATIENCE)
        cell = kernel.finish(request)
        known = {run.inputs["who"]: run for run in workspace.executions(flow="demo.shared")}

        assert cell.status == "ok", (cell.errors, cell.error)
        assert terminal.returncode == 0, (answer, said)
        assert set(known) == {"cell", "terminal", "python"}
        assert {run["say"].outputs.value for run in known.values()} == set(known)
        assert json.loads(answer)["id"] == known["terminal"].id

    listed = subprocess.run(
        [*shell, "executions", "list", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert {one["id"] for one in json.loads(listed.stdout)} == {run.id for run in known.values()}
    seen = kernel.value("[r.id for r in run.workspace.executions()]")
    assert all(run.id in seen for run in known.values())
