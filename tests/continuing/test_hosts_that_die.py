"""Fix the failed cell and go on, when the host that ran the notebook was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import flowbook as fb
from flowbook.kinds.state import State
from weekly import FIXED, REPORT, notebook

PACKAGE = Path(__file__).parents[2] / "kernel_ext"
WAITS = "import pathlib, time\npathlib.Path('reached').touch()\ntime.sleep(600)"


def eventually(holds: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def host(folder: Path, code: str) -> subprocess.Popen[str]:
    """Another process that has the workspace `ws` open."""
    begin = f"import flowbook as fb, time, pathlib\nws = fb.open({str(folder)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", begin + code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        cwd=folder,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_killed_before_parking_it_runs_again_and_says_so(folder: Path) -> None:
    cells = [*REPORT[:8], WAITS, *REPORT[9:]]
    (folder / "report.ipynb").write_text(json.dumps(notebook(*cells)))
    with fb.open(folder) as ws:
        running = "run = ws.run('flow.yaml', wait=False)\nprint(run.id, flush=True)\nrun.wait()"
        process = host(folder, running)
        run = ws.execution(line_of(process))
        eventually((folder / "reached").exists)
        process.kill()
        process.communicate()
        eventually(lambda: run.is_over)
        assert run.state is State.FAILED
        assert run["report"].error is not None
        assert run["report"].error["message"] == "Host lost while the task was running"
        assert ws.kernels() == []
        run["report"].edit(9, FIXED)

        run.restart(continue_from=9, confirm=True).wait(120)

        assert run.state is State.SUCCESS, run.error
        assert (folder / "runs.txt").read_text() == "report\n" * 2
        said = [line["message"] for line in run.logs("WARN", "report")]
        assert "The parked kernel is gone: cells 1 to 8 are run again" in said
        assert dict(run["report"].outputs)["cells"] == {"total": 12, "done": 12, "failed": 0}
        ws.portal.call(ws.engine.continuing.warm.end())


def test_killed_after_parking_the_variables_are_there(folder: Path) -> None:
    process = host(folder, "print(ws.run('flow.yaml').id, flush=True)\ntime.sleep(600)")
    run_id = line_of(process)
    process.kill()
    process.communicate()
    with fb.open(folder) as ws:
        run = ws.execution(run_id)
        assert run["report"].kernel.value("words") == ["a", "b"]
        run["report"].edit(9, FIXED)
        run.restart(continue_from=9, confirm=True).wait(120)
        assert run.state is State.SUCCESS, run.error
        assert (folder / "runs.txt").read_text() == "report\n"
        ws.portal.call(ws.engine.continuing.warm.end())
