"""What one host drives another one controls, while it lives and after its death."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb
from flowbook.kinds.state import State

pytestmark = pytest.mark.slow
HOST = Path(__file__).with_name("commanded_host.py")
STEPS = """
id: %s
namespace: tests
inputs: [{id: at, type: STRING}]
tasks:
  - {id: first, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo first >> {{ inputs.at }}/counts"]}
  - id: gate
    type: io.kestra.plugin.scripts.shell.Commands
    recover: RESTART
    commands:
      - echo gate >> {{ inputs.at }}/counts
      - while ! test -e {{ inputs.at }}/go; do sleep 0.05; done
      - test ! -e {{ inputs.at }}/bad
  - {id: last, type: io.kestra.plugin.scripts.shell.Commands, commands: ["echo last >> {{ inputs.at }}/counts"]}
"""
AGAIN = """
id: again
namespace: tests
tasks:
  - {id: once, type: io.kestra.plugin.core.execution.Fail, condition: "{{ execution.id == execution.originalId }}",
     retry: {type: constant, interval: PT0.1S, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}}
"""
DIES_BETWEEN = """
import os, sys
import flowbook as fb
from flowbook.engine.control import Control
Control.go_on = lambda *_: os.kill(os.getpid(), 9)
with fb.open(sys.argv[1]) as workspace:
    workspace.run(sys.argv[2])
"""


def eventually(holds: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@dataclass
class Place:
    """What one execution of STEPS is told and has done."""

    folder: Path

    def open(self) -> None:
        (self.folder / "go").touch()

    def close(self) -> None:
        (self.folder / "go").unlink()

    def spoil(self, bad: bool = True) -> None:
        (self.folder / "bad").touch() if bad else (self.folder / "bad").unlink()

    @property
    def counts(self) -> list[str]:
        path = self.folder / "counts"
        return path.read_text().split() if path.exists() else []


class Other:
    """Another host, in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, str(HOST), str(root / "space")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, what: str, *args: Any, **options: Any) -> str:
        assert self.process.stdin is not None
        line = json.dumps({"do": what, "with": args, "and": options})
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return str(json.loads(self._line()))

    def steps(self, name: str, flow: str | None = None) -> tuple[str, Place]:
        """Run the three steps as a flow of this name; they stop at the gate."""
        place = Place(self.root / name)
        place.folder.mkdir()
        text = flow or STEPS % name
        run_id = self.do("run", text, {"at": str(place.folder)}, wait=False)
        return run_id, place

    def dies(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("across")


@pytest.fixture(scope="module")
def here(root: Path) -> Iterator[fb.Workspace]:
    with fb.open(root / "space") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def other(root: Path, here: fb.Workspace) -> Iterator[Other]:
    host = Other(root)
    yield host
    host.dies()


def drives(here: fb.Workspace, run: fb.Run) -> bool:
    return run.id in here.engine.drivers


def test_a_run_is_restarted_by_another_host(here: fb.Workspace, other: Other) -> None:
    run_id, place = other.steps("restarted")
    place.spoil()
    place.open()
    run = here.execution(run_id)
    eventually(lambda: run.state is State.FAILED)
    place.spoil(False)
    restarted = here.restart(run_id).wait(60)
    assert not drives(here, run)
    assert (restarted.id, run.state) == (run_id, State.SUCCESS)
    assert place.counts == ["first", "gate", "gate", "last"]
    assert [attempt["state"] for attempt in run["gate"].attempts] == ["FAILED", "SUCCESS"]


def test_a_run_is_replayed_by_another_host(here: fb.Workspace, other: Other) -> None:
    run_id, place = other.steps("replayed")
    place.open()
    run = here.execution(run_id)
    eventually(lambda: run.is_over)
    again = here.replay(run_id, "gate").wait(60)
    assert (again.parent_id, again.state) == (run_id, State.SUCCESS)
    assert place.counts == ["first", "gate", "last", "gate", "last"]


def test_a_run_is_paused_and_resumed_by_another_host(here: fb.Workspace, other: Other) -> None:
    run_id, place = other.steps("paused")
    run = here.execution(run_id)
    eventually(lambda: "gate" in place.counts)
    here.pause(run_id)
    assert run.state is State.PAUSED
    place.open()
    eventually(lambda: run["gate"].state is State.SUCCESS)
    assert place.counts == ["first", "gate"]
    here.resume(run_id).wait(60)
    assert run.state is State.SUCCESS
    assert place.counts == ["first", "gate", "last"]


def test_a_run_is_killed_by_another_host(here: fb.Workspace, other: Other) -> None:
    run_id, place = other.steps("killed")
    run = here.execution(run_id)
    eventually(lambda: "gate" in place.counts)
    run.kill().wait(30)
    assert (run.state, run["gate"].state) == (State.KILLED, State.KILLED)
    with pytest.raises(fb.Conflict, match="already finished"):
        here.kill(run_id)


def test_a_slot_of_another_host_is_waited_for(here: fb.Workspace, other: Other) -> None:
    limited = (STEPS % "limited") + "concurrency: {limit: 1}\n"
    run_id, place = other.steps("limited", limited)
    first = here.execution(run_id)
    eventually(lambda: "gate" in place.counts)
    second = here.run(limited, {"at": str(place.folder)}, wait=False)
    eventually(lambda: second.state is State.QUEUED)
    place.open()
    second.wait(60)
    assert (first.state, second.state) == (State.SUCCESS, State.SUCCESS)
    assert place.counts == ["first", "gate", "last"] * 2


@dataclass
class Left:
    """What a host that was killed drove, and where each of it stood."""

    runs: dict[str, fb.Run]
    places: dict[str, Place]


def begun(here: fb.Workspace, host: Other, name: str, flow: str | None) -> tuple[fb.Run, Place]:
    """The three steps, stopped at the gate."""
    run_id, place = host.steps(name, flow)
    eventually(lambda: "gate" in place.counts)
    return here.execution(run_id), place


@pytest.fixture(scope="module")
def left(root: Path, here: fb.Workspace) -> Left:
    """Executions of a host that dies; what is wished of them is wished at once."""
    host = Other(root)
    limited = (STEPS % "left-limited") + "concurrency: {limit: 1}\n"
    runs, places = {}, {}
    for name in ("restarted", "going", "paused", "replayed", "killed", "limited"):
        flow = limited if name == "limited" else None
        runs[name], places[name] = begun(here, host, f"left-{name}", flow)
        if name == "restarted":
            places[name].spoil()
        elif name == "paused":
            here.pause(runs[name].id)
        if name in ("restarted", "going", "paused"):
            places[name].open()
            eventually(lambda name=name: runs[name]["gate"].end is not None)
    eventually(lambda: runs["restarted"].is_over and runs["going"].is_over)
    places["restarted"].spoil(False)
    places["going"].close()
    runs["going"] = here.execution(host.do("replay", runs["going"].id, "gate"))
    eventually(lambda: places["going"].counts.count("gate") == 2)
    at = {"at": str(places["limited"].folder)}
    runs["queued"] = here.run(limited, at, wait=False)
    eventually(lambda: runs["queued"].state is State.QUEUED)
    host.dies()
    for name in ("going", "replayed", "limited"):
        places[name].open()
    runs["again"] = here.replay(runs["replayed"].id, "gate")
    runs["killed"].kill()
    runs["restarted"].restart()
    return Left(runs, places)


def test_after_its_hosts_death_a_run_is_restarted(left: Left) -> None:
    run, place = left.runs["restarted"], left.places["restarted"]
    run.wait(60)
    assert run.state is State.SUCCESS
    assert place.counts == ["first", "gate", "gate", "last"]
    assert [attempt["state"] for attempt in run["gate"].attempts] == ["FAILED", "SUCCESS"]


def test_after_its_hosts_death_a_run_is_replayed_and_ends_itself(left: Left) -> None:
    run, again = left.runs["replayed"], left.runs["again"].wait(60)
    assert (again.state, again.parent_id) == (State.SUCCESS, run.id)
    run.wait(60)
    assert run.state is State.SUCCESS
    assert [attempt["state"] for attempt in run["gate"].attempts] == ["KILLED", "SUCCESS"]
    assert left.places["replayed"].counts.count("first") == 1


def test_after_its_hosts_death_a_replay_goes_on(left: Left) -> None:
    run = left.runs["going"].wait(60)
    assert run.state is State.SUCCESS
    copied, lost, again = (attempt["state"] for attempt in run["gate"].attempts)
    assert (copied, lost, again) == ("SUCCESS", "KILLED", "SUCCESS")


def test_after_its_hosts_death_a_paused_run_is_resumed(here: fb.Workspace, left: Left) -> None:
    run = left.runs["paused"]
    assert run.state is State.PAUSED
    here.resume(run.id).wait(60)
    assert run.state is State.SUCCESS
    assert left.places["paused"].counts.count("last") == 1


def test_after_its_hosts_death_a_run_is_killed(left: Left) -> None:
    run = left.runs["killed"]
    run.wait(60)
    assert run.state is State.KILLED
    assert left.places["killed"].counts == ["first", "gate"]


def test_after_its_hosts_death_a_slot_is_passed_on(left: Left) -> None:
    queued = left.runs["queued"].wait(60)
    assert (left.runs["limited"].state, queued.state) == (State.SUCCESS, State.SUCCESS)
    assert left.places["limited"].counts.count("last") == 2


def test_a_new_execution_of_a_retry_outlives_its_host(here: fb.Workspace, root: Path) -> None:
    died = subprocess.run(
        [sys.executable, "-c", DIES_BETWEEN, str(root / "space"), AGAIN], check=False
    )
    assert died.returncode == -signal.SIGKILL
    (retried,) = here.executions(flow="tests.again", state="RETRIED")
    (later,) = [run for run in here.executions(flow="tests.again") if run.id != retried.id]
    assert later.parent_id == retried.id
    last = retried.wait(60)
    assert (last.id, last.state) == (later.id, State.SUCCESS)
