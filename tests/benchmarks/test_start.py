"""What a person waits for: the extension, the package, the command, the first and the next flows.

Budgets: `%load_ext flowbook` ≤ 5 ms; the first flow in a fresh kernel ≤ 700 ms, the next ones ≤ 20 ms
beyond their tasks. A kernel's rows stand beside an empty cell of the same kernel, a process's beside
`python -c pass`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowbook.elected import Seat
from flowbook.workspace.place import Place

KERNEL = "a cell of a fresh kernel"
PROCESS = "a process"
FLOW = """%%flow --quiet
id: {id}
tasks:
  - {{id: greet, type: io.kestra.plugin.core.log.Log, message: "Hello {{{{ flow.id }}}}"}}
"""
NUMBERS = itertools.count()
Row = Callable[..., Any]


class Kernel:
    """A real ipykernel in a process of its own, with a workspace of its own."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        self._place = Place(folder / f"workspace-{next(NUMBERS)}")
        self._place.create()
        self._environment = {**os.environ, "FLOWBOOK_HOME": str(self._place.root)}
        self._manager, self._client = start_new_kernel(env=self._environment)

    def run(self, code: str) -> None:
        reply = self._client.execute_interactive(code, timeout=60, output_hook=lambda _: None)
        assert reply["content"]["status"] == "ok", reply["content"]

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        if pid := Seat(self._place.runtime, "store").holder():
            os.kill(pid, signal.SIGTERM)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    """Kernels nobody has used, in which some code has run."""
    folder = Path(tempfile.mkdtemp(prefix="fbb-"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "run"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(folder / "config"))
    (folder / "run").mkdir(mode=0o700)
    kernels: list[Kernel] = []

    def kernel(*before: str) -> Kernel:
        kernels.append(Kernel(folder))
        for code in ("pass", *before):
            kernels[-1].run(code)
        return kernels[-1]

    yield kernel
    for one in kernels:
        one.close()
    shutil.rmtree(folder, ignore_errors=True)


def flow() -> str:
    return FLOW.format(id=f"hello-{next(NUMBERS)}")


def test_floor_of_a_cell(row: Row, fresh: Callable[..., Kernel]) -> None:
    kernel = fresh()
    row(KERNEL, "floor: an empty cell").pedantic(kernel.run, ("pass",), rounds=20)


def test_load_ext(row: Row, fresh: Callable[..., Kernel]) -> None:
    row(KERNEL, "%load_ext flowbook", budget="≤ 5 ms beyond the cell").pedantic(
        Kernel.run, setup=lambda: ((fresh(), "%load_ext flowbook"), {}), rounds=3
    )


def test_first_flow(row: Row, fresh: Callable[..., Kernel]) -> None:
    row(KERNEL, "first flow, storekeeper included", budget="≤ 700 ms").pedantic(
        Kernel.run, setup=lambda: ((fresh("%load_ext flowbook"), flow()), {}), rounds=3
    )


def test_next_flows(row: Row, fresh: Callable[..., Kernel]) -> None:
    kernel = fresh("%load_ext flowbook", flow())
    row(KERNEL, "next flows, each new", budget="≤ 20 ms beyond their tasks").pedantic(
        kernel.run, setup=lambda: ((flow(),), {}), rounds=20, warmup_rounds=2
    )


def test_the_same_flow_again(row: Row, fresh: Callable[..., Kernel]) -> None:
    again = flow()
    kernel = fresh("%load_ext flowbook", again)
    row(KERNEL, "the same flow again", budget="≤ 20 ms beyond its tasks").pedantic(
        kernel.run, (again,), rounds=20, warmup_rounds=2
    )


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("floor: python -c pass", ["-c", "pass"]),
        ("import flowbook", ["-c", "import flowbook"]),
        ("flowbook --help", ["-m", "flowbook.hosts.cli", "--help"]),
        ("flowbook --version", ["-m", "flowbook.hosts.cli", "--version"]),
    ],
    ids=["floor", "import", "help", "version"],
)
def test_process(row: Row, name: str, command: list[str], tmp_path: Path) -> None:
    given = [sys.executable, *command]
    row(PROCESS, name).pedantic(
        subprocess.run,
        (given,),
        {"check": True, "stdout": subprocess.DEVNULL, "cwd": tmp_path},
        rounds=8,
        warmup_rounds=1,
    )
