"""A real ipykernel with the magics loaded, in a workspace of its own."""

from __future__ import annotations

import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
MIME = "application/vnd.flowbook.run+json"
PATIENCE = 60.0


@dataclass
class Cell:
    """What came of executing one cell."""

    status: str
    displays: list[dict[str, Any]] = field(default_factory=list)
    """The bundles that were displayed, and each update of them, in order."""
    printed: str = ""
    errors: str = ""
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [bundle[MIME] for bundle in self.displays if MIME in bundle]


@dataclass
class Kernel:
    """A kernel to execute cells in."""

    manager: Any
    client: Any
    root: Path

    def start(self, code: str) -> str:
        """Execute without waiting."""
        return str(self.client.execute(code, store_history=True))

    def run(self, code: str) -> Cell:
        """Execute a cell and wait for all that it says."""
        return self.finish(self.start(code))

    def finish(self, request: str, until: Callable[[Cell], bool] | None = None) -> Cell:
        """Collect a cell's messages until it is idle, or until a condition holds."""
        cell = Cell("running")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"the cell said nothing more: {cell}") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            if self._take(cell, message):
                return cell
            if until is not None and until(cell):
                return cell

    def _take(self, cell: Cell, message: dict[str, Any]) -> bool:
        kind, content = message["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data"):
            cell.displays.append(content["data"])
        elif kind == "execute_result":
            cell.result = content["data"]
        elif kind == "stream":
            if content["name"] == "stdout":
                cell.printed += content["text"]
            else:
                cell.errors += content["text"]
        elif kind == "error":
            cell.error = content
        elif kind == "status" and content["execution_state"] == "idle":
            cell.status = "error" if cell.error or "UsageError" in cell.errors else "ok"
            return True
        return False

    def value(self, expression: str) -> str:
        """The text of an expression in the kernel."""
        cell = self.run(f"print({expression})")
        assert cell.status == "ok", cell
        return cell.printed.strip()

    def complete(self, code: str, position: int | None = None) -> list[str]:
        reply = self.client.complete(code, position, reply=True, timeout=PATIENCE)
        return list(reply["content"]["matches"])


@pytest.fixture(scope="session")
def person(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who has never used flowbook."""
    home = tmp_path_factory.mktemp("person")
    return {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "rt"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": str(REPOSITORY / "kernel_ext"),
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a workspace that nobody has made yet."""
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def environment(person: dict[str, str], root: Path) -> dict[str, str]:
    """For other processes on the same workspace."""
    return {**person, "FLOWBOOK_HOME": str(root)}


@pytest.fixture(scope="session")
def running_kernel(
    person: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Any]]:
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(env=person, cwd=str(tmp_path_factory.mktemp("cwd")))
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=False)


@pytest.fixture
def kernel(running_kernel: tuple[Any, Any], root: Path) -> Iterator[Kernel]:
    """The one kernel of the session, with the magics loaded anew in a workspace of its own."""
    made = Kernel(*running_kernel, root)
    cell = made.run(
        f"%reset -f\nimport os\nos.chdir({str(root)!r})\n"
        f"os.environ['FLOWBOOK_HOME'] = {str(root)!r}\n%load_ext flowbook\n%reload_ext flowbook\n"
        "%config FlowMagics.namespace = 'notebook'"
    )
    assert cell.status == "ok", cell
    yield made
    made.run("%unload_ext flowbook")
