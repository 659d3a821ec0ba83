"""Several hosts on one workspace: wishes, ends on purpose, deaths."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

HOST = Path(__file__).with_name("host_process.py")
COUNTING = """
id: counting
namespace: tests
tasks:
  - {id: first, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo first >> COUNTS"]}
  - {id: second, type: io.kestra.plugin.scripts.shell.Commands, recover: RESTART,
     commands: ["echo second >> COUNTS", "test -e GO || sleep 60"]}
  - {id: third, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo third >> COUNTS"]}
"""
PAUSING = """
id: pausing
namespace: tests
tasks:
  - {id: before, type: io.kestra.plugin.core.debug.Return, format: made}
  - {id: wait, type: io.kestra.plugin.core.flow.Pause}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.before.value }}"}
"""


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> tuple[subprocess.Popen[str], str]:
        flow = tmp_path / "flow.yaml"
        flow.write_text(
            text.replace("COUNTS", str(tmp_path / "counts")).replace("GO", str(tmp_path / "go"))
        )
        process = subprocess.Popen(
            [sys.executable, str(HOST), str(tmp_path / "space"), str(flow)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_another_host_kills_an_execution(start_host: Callable, tmp_path: Path) -> None:
    _, execution_id = start_host(COUNTING)
    counts = tmp_path / "counts"
    with fb.open(tmp_path / "space") as workspace:
        run = workspace.execution(execution_id)
        eventually(lambda: counts.exists() and "second" in counts.read_text())
        began = time.monotonic()
        run.kill()
        run.wait(10)
        assert run.state is State.KILLED
        assert time.monotonic() - began < 5
        assert run["second"].state is State.KILLED


def test_what_a_host_leaves_paused_another_resumes(start_host: Callable, tmp_path: Path) -> None:
    process, execution_id = start_host(PAUSING)
    with fb.open(tmp_path / "space") as workspace:
        run = workspace.execution(execution_id)
        eventually(lambda: run.state is State.PAUSED)
        process.communicate("end\n", timeout=30)
        workspace.resume(run.id)
        run.wait(20)
        assert run.state is State.SUCCESS
        assert run["after"].outputs["value"] == "made"


@pytest.mark.slow
def test_a_killed_hosts_execution_is_finished_elsewhere(
    start_host: Callable, tmp_path: Path
) -> None:
    process, execution_id = start_host(COUNTING)
    counts = tmp_path / "counts"
    with fb.open(tmp_path / "space") as workspace:
        eventually(lambda: counts.exists() and "second" in counts.read_text())
        (tmp_path / "go").touch()
        process.send_signal(signal.SIGKILL)
        run = workspace.execution(execution_id)
        eventually(lambda: run.state.is_terminal, 60)
        assert run.state is State.SUCCESS
        assert counts.read_text().split() == ["first", "second", "second", "third"]
        attempts = run["second"].attempts
        assert [attempt["state"] for attempt in attempts] == ["KILLED", "SUCCESS"]
        assert attempts[0]["error"]["message"] == "host lost"


@pytest.mark.slow
def test_a_host_that_hangs_and_wakes_is_not_adopted(start_host: Callable, tmp_path: Path) -> None:
    process, execution_id = start_host(COUNTING)
    counts = tmp_path / "counts"
    with fb.open(tmp_path / "space") as workspace:
        eventually(lambda: counts.exists() and "second" in counts.read_text())
        process.send_signal(signal.SIGSTOP)
        (tmp_path / "go").touch()
        time.sleep(
            20
        )  # the thing itself: a host that says nothing for longer than death takes to be seen
        owner = workspace.engine.store.query("owned_by", host=workspace.engine.host.id)
        assert workspace.portal.call(owner) == []
        assert workspace.execution(execution_id).state is State.RUNNING
        process.send_signal(signal.SIGCONT)
        (tmp_path / "go").touch()
        run = workspace.execution(execution_id)
        run.kill()
        run.wait(20)
        assert len(run["second"].attempts) == 1


def test_a_host_that_comes_back_after_its_adoption_is_refused(tmp_path: Path) -> None:
    waiting = COUNTING.replace("COUNTS", str(tmp_path / "counts")).replace(
        "GO", str(tmp_path / "go")
    )
    with fb.open(tmp_path / "space") as late, fb.open(tmp_path / "space") as other:
        run = late.run(waiting, wait=False)
        counts = tmp_path / "counts"
        eventually(lambda: counts.exists() and "second" in counts.read_text())
        # the history takes the first host for gone, as it would after its death
        other.portal.call(other.engine.store.transact("end_host", id=late.engine.host.id))
        (tmp_path / "go").touch()
        other.portal.call(other.engine.adoption.take_over(run.id))
        seen = other.execution(run.id).wait(40)
        assert seen.state is State.SUCCESS
        eventually(lambda: run.id not in late.engine.drivers)
        states = [attempt["state"] for attempt in seen["second"].attempts]
        assert states == ["KILLED", "SUCCESS"]
        assert counts.read_text().split().count("third") == 1


def test_who_waits_for_what_a_host_has_left_drives_it(tmp_path: Path) -> None:
    with fb.open(tmp_path / "space") as first:
        run_id = first.run(PAUSING, wait=False).id
        eventually(lambda: first.execution(run_id).state is State.PAUSED)
    with fb.open(tmp_path / "space") as second:
        run = second.execution(run_id)
        waiting = threading.Thread(target=run.wait, args=(120,), daemon=True)
        waiting.start()
        eventually(lambda: run_id in second.engine.drivers)
        second.resume(run_id)
        waiting.join(60)
        assert run.state is State.SUCCESS
        assert not second.engine.adoption._waited_for
