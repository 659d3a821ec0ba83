"""The notebooks that teach flowbook: every one is run, and its last cell asserts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notebooks in a workspace of their own."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("FLOWBOOK_HOME", str(folder))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_to_its_last_assertion(name: str, copied: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(copied / name, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=240,
        kernel_name="python3",
        resources={"metadata": {"path": str(copied)}},
    )
    client.execute()
    assert "assert" in notebook.cells[-1].source
    assert notebook.cells[-1].execution_count is not None


LEARNT = sorted(f"flows/{path.name}" for path in (NOTEBOOKS / "flows").glob("*.ipynb"))


@pytest.mark.parametrize("name", [*NAMES, *LEARNT])
def test_notebook_is_saved_without_outputs(name: str) -> None:
    cells = json.loads((NOTEBOOKS / name).read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}
