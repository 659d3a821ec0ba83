"""What a kernel drives the command line controls, and finishes when the kernel is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE, Kernel
from .test_together import until

STEPS = """%%flow --bg -q -o {name}
id: {name}
namespace: demo
inputs: [{{id: at, type: STRING, defaults: '{at}'}}]
tasks:
  - {{id: first, type: core.debug.Return, format: made}}
  - id: gate
    type: scripts.shell.Commands
    recover: RESTART
    commands:
      - while ! test -e {at}/go; do sleep 0.05; done
      - test ! -e {at}/bad
  - {{id: last, type: core.debug.Return, format: "{{{{ outputs.first.value }}}}"}}
{more}
"""
Terminal = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def terminal(environment: dict[str, str], root: Path) -> Terminal:
    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flowbook", *words],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return typed


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """Where the gate looks whether it may open, and whether it shall fail."""
    made = tmp_path / "gate"
    made.mkdir()
    return made


@pytest.fixture
def mortal(environment: dict[str, str], root: Path) -> Iterator[Kernel]:
    """A kernel of its own, to be killed."""
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(env=environment, cwd=str(root))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    kernel = Kernel(manager, client, root)
    assert kernel.run("%load_ext flowbook").status == "ok"
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def begin(kernel: Kernel, name: str, at: Path, more: str = "") -> str:
    """Run the steps in a kernel; the execution's id, once they stand at the gate."""
    cell = kernel.run(STEPS.format(name=name, at=at, more=more))
    assert cell.status == "ok", (cell.errors, cell.error)
    until(lambda: kernel.value(f"[r.state.value for r in {name}.task_runs][1:]") == "['RUNNING']")
    return kernel.value(f"{name}.id")


def document(terminal: Terminal, *words: str) -> Any:
    done = terminal(*words, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_the_terminal_controls_what_a_kernel_drives(
    kernel: Kernel, terminal: Terminal, at: Path
) -> None:
    paused, killed = begin(kernel, "paused", at), begin(kernel, "killed", at)
    assert terminal("executions", "pause", paused).stdout == f"{paused} is PAUSED\n"
    assert terminal("executions", "kill", killed).stdout == f"{killed} is KILLED\n"
    assert kernel.value("killed.state, paused.state") == "KILLED PAUSED"
    (at / "bad").touch()
    (at / "go").touch()
    until(lambda: kernel.value("paused['gate'].state") == "FAILED")
    assert terminal("executions", "resume", paused).returncode == 1
    assert kernel.value("paused.state") == "FAILED"
    (at / "bad").unlink()
    restarted = document(terminal, "executions", "restart", paused)
    assert (restarted["id"], restarted["state"]) == (paused, "SUCCESS")
    assert kernel.value("len(paused['gate'].attempts)") == "2"
    replayed = document(terminal, "executions", "replay", paused, "--task-run", "last")
    assert (replayed["id"] != paused, replayed["state"]) == (True, "SUCCESS")


def test_the_terminal_waits_for_a_slot_of_a_kernel(
    kernel: Kernel, environment: dict[str, str], terminal: Terminal, at: Path
) -> None:
    begin(kernel, "limited", at, "concurrency: {limit: 1}")
    assert kernel.run("%flow deploy limited").status == "ok"
    with subprocess.Popen(
        [sys.executable, "-m", "flowbook", "run", "demo.limited", "-q"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as second:
        states = "sorted(r.state.value for r in limited.workspace.executions(flow='demo.limited'))"
        until(lambda: kernel.value(states) == "['QUEUED', 'RUNNING']")
        (at / "go").touch()
        second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    assert kernel.value(states) == "['SUCCESS', 'SUCCESS']"


def test_the_terminal_goes_on_with_what_a_killed_kernel_drove(
    mortal: Kernel, terminal: Terminal, at: Path
) -> None:
    held = begin(mortal, "held", at)
    assert "is PAUSED" in terminal("executions", "pause", held).stdout
    going, doomed = begin(mortal, "going", at), begin(mortal, "doomed", at)
    os.kill(int(mortal.value("__import__('os').getpid()")), signal.SIGKILL)
    (at / "go").touch()
    resumed = document(terminal, "executions", "resume", held)
    assert resumed["state"] == "SUCCESS"
    killed = terminal("executions", "kill", doomed)
    assert killed.stdout == f"{doomed} is KILLED\n"
    followed = terminal("executions", "logs", going, "--follow")
    assert "Flow completed with state SUCCESS" in followed.stdout
    ended = document(terminal, "executions", "get", going)
    assert [run["state"] for run in ended["taskRuns"]] == ["SUCCESS"] * 3
