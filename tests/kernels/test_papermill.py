"""papermill with our engine: the same notebook, the same exit, the copy without error cells."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowbook.elected import Seat
from flowbook.kernels.warm import Warm
from flowbook.workspace.place import find

from .conftest import PACKAGE, notebook

papermill = pytest.importorskip("papermill")
PARAMETERS = {"source": "alpha = 0.1", "tags": ["parameters"]}
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def written(folder: Path, *cells: Any) -> Path:
    path = folder / "in.ipynb"
    path.write_text(json.dumps(notebook(*cells, **PYTHON)))
    return path


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from flowbook.hosts.papermill import FlowbookEngine

    monkeypatch.setenv("PYTHONPATH", str(PACKAGE))
    papermill.engines.papermill_engines.register("flowbook", FlowbookEngine)


def execute(folder: Path, *cells: Any, **options: Any) -> Any:
    here = os.getcwd()
    try:
        return papermill.execute_notebook(
            str(written(folder, *cells)),
            str(folder / "out.ipynb"),
            engine_name="flowbook",
            progress_bar=False,
            **options,
        )
    finally:
        assert os.getcwd() == here


def test_a_notebook_with_parameters(tmp_path: Path) -> None:
    import nbformat

    execute(tmp_path, PARAMETERS, "print(alpha)", "1 + 1", parameters={"alpha": 0.7})
    copy = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    nbformat.validate(copy)
    assert copy.cells[1].source == "# Parameters\nalpha = 0.7\n"
    assert copy.cells[2].outputs[0].text == "0.7\n"
    assert copy.cells[3].execution_count == 4
    assert copy.metadata.papermill.parameters == {"alpha": 0.7}
    assert copy.metadata.papermill.exception is None
    assert copy.metadata.papermill.duration > 0


def test_a_failure_is_papermills_and_the_copy_has_no_extra_cells(tmp_path: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError, match="division by zero") as error:
        execute(tmp_path, "a = 1", "1 / 0", "never = 1")
    assert (error.value.cell_index, error.value.exec_count) == (1, 2)
    copy = json.loads((tmp_path / "out.ipynb").read_text())
    assert ["".join(cell["source"]) for cell in copy["cells"]] == ["a = 1", "1 / 0", "never = 1"]
    assert copy["cells"][1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert copy["metadata"]["papermill"]["exception"] is True


def test_inside_a_running_loop(tmp_path: Path) -> None:
    async def inside() -> Any:
        return execute(tmp_path, "print('in')")

    assert asyncio.run(inside()).cells[0].outputs[0].text == "in\n"


def test_the_workspaces_keeper_lends_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWBOOK_HOME", str(tmp_path))
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # ipykernel looks for it
    where = "import os; print(os.getppid(), os.getcwd(), os.environ['FLOWBOOK_HOME'])"
    warm = Warm(Seat(find().runtime, "kernels"))
    execute(tmp_path, where)
    execute(tmp_path, where)
    assert asyncio.run(warm.listed()) is None  # none is started for papermill alone
    assert asyncio.run(warm.warm(dict(os.environ)))
    try:
        held = asyncio.run(warm.listed())
        assert held is not None
        said = execute(tmp_path, where).cells[0].outputs[0].text.split()
        assert psutil.Process(int(said[0])).ppid() == held["pid"]
        assert said[1:] == [os.getcwd(), str(tmp_path)]
    finally:
        asyncio.run(warm.end())


def test_execution_timeout_is_per_cell(tmp_path: Path) -> None:
    with pytest.raises(papermill.PapermillExecutionError, match=r"took longer than PT0.5S"):
        execute(tmp_path, "import time; time.sleep(60)", execution_timeout=0.5)


def test_the_command_line(tmp_path: Path) -> None:
    written(tmp_path, PARAMETERS, "import os\nprint(alpha, os.getcwd())\nassert alpha < 1")
    command = [
        sys.executable,
        "-m",
        "papermill",
        "in.ipynb",
        "out.ipynb",
        "--engine",
        "flowbook",
        "-p",
        "alpha",
    ]
    found = subprocess.run(
        [*command, "0.5"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stderr
    copy = json.loads((tmp_path / "out.ipynb").read_text())
    assert "".join(copy["cells"][2]["outputs"][0]["text"]) == f"0.5 {tmp_path}\n"
    found = subprocess.run(
        [*command, "2"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 1
    assert "AssertionError" in found.stderr
