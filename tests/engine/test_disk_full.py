"""A flow on a disk that is full: it waits and goes on when there is room."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.kinds.state import State

FLOW = """
id: waits-for-room
namespace: tests
tasks:
  - {id: first, type: io.kestra.plugin.core.flow.Sleep, duration: PT1S}
  - {id: second, type: io.kestra.plugin.core.debug.Return, format: done}
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 64 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    root = tmp_path / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(root)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk here: {mounted.stderr.decode().strip()}")
    yield root
    subprocess.run(["umount", "-l", str(root)], check=True)


@pytest.mark.slow
def test_a_flow_goes_on_when_there_is_room(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    with fb.open(small, embedded=True) as workspace:
        run = workspace.run(FLOW, wait=False)
        ballast = small / "ballast"
        room = os.statvfs(small)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - (1 << 20))
        until = time.monotonic() + 60
        while "is full" not in caplog.text and time.monotonic() < until:
            time.sleep(0.1)
        assert "is full" in caplog.text
        assert not run.is_over
        ballast.unlink()
        run.wait(60)
        assert run.state is State.SUCCESS
        assert run["second"].outputs["value"] == "done"
