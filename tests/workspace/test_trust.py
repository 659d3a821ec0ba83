"""What is remembered of trust, also when several processes remember at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowbook.workspace.place import Place
from flowbook.workspace.trust import distrust, is_trusted, trust

TRUSTING = """
import sys
from pathlib import Path
from flowbook.workspace.place import Place
from flowbook.workspace.trust import trust
sys.stdin.readline()
for name in sys.argv[1:]:
    trust(Place(Path(name)))
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))


def test_trust_is_given_and_taken_back(tmp_path: Path) -> None:
    place, other = Place(tmp_path / "one"), Place(tmp_path / "other")

    trust(place)
    trust(other)
    distrust(place)

    assert not is_trusted(place)
    assert is_trusted(other)


def test_processes_that_trust_at_once_forget_nothing(tmp_path: Path) -> None:
    names = [[str(tmp_path / f"{process}-{n}") for n in range(40)] for process in range(4)]
    processes = [
        subprocess.Popen([sys.executable, "-c", TRUSTING, *some], stdin=subprocess.PIPE, text=True)
        for some in names
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0] * 4

    assert all(is_trusted(Place(Path(name))) for some in names for name in some)
