"""A host dies while it runs a notebook: what another host makes of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import flowbook as fb
from flowbook.elected import Seat
from flowbook.kernels.environment import without_secrets
from flowbook.kernels.warm import Warm
from flowbook.kinds.state import State

from .conftest import notebook
from .processes import eventually, marked

HOST = Path(__file__).parents[1] / "engine" / "host_process.py"
FLOW = """
id: lost
namespace: tests
tasks:
  - {id: train, type: flowbook.jupyter.Notebook, path: train.ipynb, recover: RECOVER}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.train.notebook }}"}
"""
WAITS = """
import pathlib, subprocess, time
if not pathlib.Path("go").exists():
    subprocess.Popen(["sleep", "300"], start_new_session=True)
pathlib.Path("reached").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.05)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["stock", "warm"])
@pytest.mark.parametrize("recover", ["FAIL", "RESTART"])
def test_another_host_keeps_what_a_killed_one_ran(
    tmp_path: Path, kernels: str, recover: str
) -> None:
    (tmp_path / "train.ipynb").write_text(json.dumps(notebook("print('one')", WAITS, "print('3')")))
    flow = tmp_path / "flow.yaml"
    flow.write_text(FLOW.replace("RECOVER", recover))
    with fb.open(tmp_path) as workspace:
        runtime = workspace.engine.place.runtime
        warm = Warm(Seat(runtime, "kernels"))
        if kernels == "warm":
            assert asyncio.run(warm.warm(without_secrets(os.environ)))
        process = subprocess.Popen(
            [sys.executable, str(HOST), str(tmp_path), str(flow)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "FLOWBOOK_KERNELS": kernels},
        )
        try:
            assert process.stdout is not None
            execution_id = process.stdout.readline().strip()
            eventually((tmp_path / "reached").exists)
            run = workspace.execution(execution_id)
            process.send_signal(signal.SIGKILL)
            process.wait()
            (tmp_path / "go").touch()
            eventually(lambda: run.state.is_terminal, 60)
            train = run["train"]
            attempts = train.attempts
            events = workspace.engine.store.query
            rows = workspace.portal.call(
                events(
                    "select payload from events where execution_id = $id and kind = 'host_lost'",
                    id=run.id,
                )
            )
            left = rows[0]["payload"]["left"][train.id]
            path = workspace.engine.storage.path(left["notebook"])
            copy = nbformat.read(path, as_version=4)
            nbformat.validate(copy)
            assert copy.cells[0].outputs[0].text == "one\n"
            assert [cell.metadata.papermill.status for cell in copy.cells] == [
                "completed",
                "failed",
                "pending",
            ]
            assert left["cells"] == {"total": 3, "done": 1, "failed": 1}
            assert attempts[0]["state"] == "KILLED"
            if recover == "RESTART":
                assert run.state is State.SUCCESS
                assert train.outputs["notebook"] != left["notebook"]
                assert train.outputs["cells"]["done"] == 3
            else:
                assert run.state is State.FAILED
                assert train.state is State.FAILED
                assert train.error["message"] == "Host lost while the task was running"
                assert train.outputs["notebook"] == left["notebook"]
            cells = workspace.portal.call(workspace.engine.history.cells(run.id))
            first = {row["cell"]: row["state"] for row in cells if row["attempt"] == 1}
            assert first == {1: "DONE", 2: "STOPPED", 3: "WAITING"}
            eventually(lambda: not marked(str(runtime / "runs")))
            assert list((runtime / "runs").glob("*")) == []
        finally:
            process.kill()
            process.communicate()
            asyncio.run(warm.end())
