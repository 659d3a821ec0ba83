"""Fix the failed cell and go on: from a terminal, and from a notebook."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from weekly import FIXED, fix, source_of

PACKAGE = Path(__file__).parents[2] / "kernel_ext"
PATIENCE = 120.0


@pytest.fixture
def environment(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("p")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("FLOWBOOK_")},
        "FLOWBOOK_HOME": str(folder),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "rt"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": str(PACKAGE),
        "COLUMNS": "160",
    }


Terminal = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def terminal(folder: Path, environment: dict[str, str]) -> Iterator[Terminal]:
    """Each command is a process of its own."""

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flowbook", *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    yield typed
    typed("kernels", "end", "--all")


def test_from_terminals_that_end_in_between(folder: Path, terminal: Terminal) -> None:
    ran = terminal("run", "flow.yaml")
    assert ran.returncode == 1
    assert "Cell 9 of 12 failed: ZeroDivisionError: division by zero" in ran.stdout
    [listed] = json.loads(terminal("executions", "list", "--json").stdout)
    assert f"flowbook executions attach {listed['id'][:6]} report" in ran.stdout
    [parked] = json.loads(terminal("kernels", "list", "--json").stdout)["parked"]
    assert (parked["task"], parked["execution"]) == ("report", listed["id"])
    opened = json.loads(terminal("executions", "attach", listed["id"], "--json").stdout)
    assert opened["cell"] == 9
    assert Path(opened["kernel"]["connection"]).is_file()
    fix(Path(opened["copy"]))
    asked = terminal("executions", "continue", listed["id"], "--cell", "9")
    assert asked.returncode == 1
    assert "notify (errors)" in asked.stderr

    went_on = terminal("executions", "continue", listed["id"], "--cell", "9", "--yes")

    assert went_on.returncode == 0, went_on
    assert f"-share = 1 / n\n+{FIXED}" in went_on.stdout
    assert (folder / "runs.txt").read_text() == "report\n"
    assert (folder / "published.txt").read_text() == "once\n"
    assert json.loads(terminal("kernels", "list", "--json").stdout)["parked"] == []
    assert terminal("executions", "apply", listed["id"]).returncode == 0
    assert source_of(folder, 9) == FIXED
    again = terminal("executions", "continue", listed["id"], "--cell", "9")
    assert "Task 'report' can't be continued: it is SUCCESS" in again.stderr


def test_ending_kernels_from_a_terminal(folder: Path, terminal: Terminal) -> None:
    terminal("run", "flow.yaml")
    [parked] = json.loads(terminal("kernels", "list", "--json").stdout)["parked"]
    assert "--all" in terminal("kernels", "end").stderr
    assert "no parked kernel 'zzz'" in terminal("kernels", "end", "zzz").stderr
    assert terminal("kernels", "end", parked["id"][:6]).stdout == "1 ended.\n"
    assert json.loads(terminal("kernels", "list", "--json").stdout)["parked"] == []
    terminal("run", "flow.yaml")
    [parked] = json.loads(terminal("kernels", "list", "--json").stdout)["parked"]
    assert terminal("kernels", "end", "--all").stdout == "Ended.\n"
    assert not Path(f"/proc/{parked['pid']}").exists()
    said = terminal("executions", "attach", parked["execution"]).stdout
    assert "'report' has no parked kernel" in said


@pytest.fixture
def cell(folder: Path, environment: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """Cells of a kernel of somebody's own; what they print, show and complain about."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(env=environment, cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)

    def ran(code: str) -> str:
        return _said(client, client.execute(code))

    try:
        yield ran
    finally:
        ran("%flow kernels end --all")
        client.stop_channels()
        manager.shutdown_kernel(now=False)


def _said(client: Any, request: str) -> str:
    said = []
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            message = client.get_iopub_msg(timeout=max(deadline - time.monotonic(), 0.01))
        except queue.Empty:
            raise AssertionError(f"the cell said nothing more: {said}") from None
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        if content.get("execution_state") == "idle":
            return "\n".join(filter(None, said)).strip()
        said.append(content.get("text") or content.get("data", {}).get("text/plain") or "")
        said.append("\n".join(content.get("traceback", ())))


def test_from_a_notebook(folder: Path, cell: Callable[[str], str]) -> None:
    cell("%load_ext flowbook")
    failed = cell("%flow run flow.yaml -o run")
    assert "Cell 9 of 12 failed" in failed
    assert "%flow attach" in failed
    told = cell("%flow attach")
    assert "jupyter console --existing" in told
    assert re.search(r"words +list +2", told)
    assert "report.ipynb" in cell("%flow kernels")
    assert cell("run['report'].kernel.value('n')") == "0"
    copy = re.search(r"Edit (\S+\.ipynb)", told)
    assert copy is not None
    fix(folder / copy[1])
    assert "notify (errors)" in cell("%flow resume run --cell 9")
    assert f"+{FIXED}" in cell("%flow resume run --cell 9 --yes")
    assert cell("str(run.state), run['report'].outputs.share") == "('SUCCESS', 1.0)"
    assert (folder / "runs.txt").read_text() == "report\n"
    assert "Written to report.ipynb" in cell("%flow apply run report")
    assert source_of(folder, 9) == FIXED
