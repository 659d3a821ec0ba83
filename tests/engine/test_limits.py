"""A flow's concurrency limit holds across hosts, whoever drives the executions."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

HOST = Path(__file__).with_name("host_process.py")
ONE_AT_A_TIME = """
id: one-at-a-time
namespace: tests
concurrency: {limit: 1}
tasks:
  - {id: hold, type: io.kestra.plugin.core.flow.Pause}
"""


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the world, which has no event to await."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The id of an execution that another host drives and that holds the only slot."""
    flow = tmp_path / "flow.yaml"
    flow.write_text(ONE_AT_A_TIME)
    process = subprocess.Popen(
        [sys.executable, str(HOST), str(tmp_path / "space"), str(flow)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate()


def test_the_slot_of_one_host_is_waited_for_by_another(elsewhere: str, tmp_path: Path) -> None:
    with fb.open(tmp_path / "space") as workspace:
        first = workspace.execution(elsewhere)
        eventually(lambda: first.state is State.PAUSED)
        second = workspace.run(ONE_AT_A_TIME, wait=False)
        third = workspace.run(ONE_AT_A_TIME, wait=False)
        eventually(lambda: (second.state, third.state) == (State.QUEUED, State.QUEUED))
        workspace.resume(first.id)
        eventually(lambda: second.state is State.PAUSED)
        assert first.state is State.SUCCESS
        assert third.state is State.QUEUED
        second.kill()
        eventually(lambda: third.state is State.PAUSED)
        third.kill()
        third.wait(10)
