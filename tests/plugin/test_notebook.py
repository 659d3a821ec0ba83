"""`flowbook.jupyter.Notebook` and `Export` in real kernels, with real files."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from flowbook.elected import Seat
from flowbook.errors import TaskFailed
from flowbook.expressions.values import TableValue
from flowbook.kernels.warm import Warm
from flowbook.plugin.jupyter.export import Export
from flowbook.plugin.jupyter.notebook import Notebook
from flowbook.workspace.config import Config

from .conftest import Attempt

PACKAGE = Path(__file__).parents[2] / "kernel_ext"


class NotebookAttempt(Attempt):
    """An attempt that keeps the records of cells."""

    def __init__(self, root: Path, **variables: Any) -> None:
        super().__init__(root, **variables)
        self.cells: list[Mapping[str, Any]] = []
        self.continues = None
        self.folders: Sequence[Path] = ()
        self.engine = SimpleNamespace(config=Config())

    def leave_folders(self) -> None:
        """They are under the test's own."""

    def at_end(self, call: Callable[[], None]) -> None:
        call()

    def cell(self, row: Mapping[str, Any]) -> None:
        self.cells.append(row)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(PACKAGE), **(extra or {})}

    def final(self) -> dict[int, str]:
        return {row["cell"]: row["state"] for row in self.cells}


@pytest.fixture(autouse=True)
def stock_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWBOOK_KERNELS", "stock")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[NotebookAttempt]:
    made = NotebookAttempt(tmp_path)
    with tempfile.TemporaryDirectory(
        prefix="fb-"
    ) as folder:  # short: a socket's path has 107 bytes
        made.runtime_folder = Path(folder)
        yield made
        asyncio.run(Warm(Seat(Path(folder), "kernels")).end())


def write(path: Path, *cells: str, parameters: str | None = None) -> None:
    sources = [*([parameters] if parameters is not None else []), *cells]
    made = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"]} if number == 0 and parameters is not None else {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}))


def notebook(path: str = "train.ipynb", **properties: Any) -> Notebook:
    return Notebook.model_validate(
        {"id": "it", "type": "flowbook.jupyter.Notebook", "path": path, **properties}
    )


def run(part: Notebook | Export, context: NotebookAttempt) -> dict[str, Any]:
    output = asyncio.run(asyncio.wait_for(part.run(context), 60))
    return dict(output if isinstance(output, Mapping) else output.values)


def test_train_then_use(context: NotebookAttempt) -> None:
    import pyarrow
    import pyarrow.parquet

    stored = context.store / "rows.parquet"
    pyarrow.parquet.write_table(
        pyarrow.table({"x": list(range(500)), "y": [float(i) for i in range(500)]}), stored
    )
    columns = [{"name": "x", "type": "int64"}, {"name": "y", "type": "double"}]
    context.variables["outputs"] = {
        "rows": {
            "rows": TableValue("kestra:///rows.parquet", 500, columns, stored.stat().st_size, list)
        }
    }
    context.variables["inputs"] = {"alpha": 0.5}
    write(
        context.workspace_root / "train.ipynb",
        "import flowbook as fb\ndf = rows.df()\nprint(alpha, rows.rows, rows.columns, fb.inputs['alpha'], fb.execution.task)",
        "fb.outputs(auc=0.9, frame=df)\nfb.metric('rows', len(df), src='crm')",
        parameters="alpha = 0.1; rows = None",
    )
    outputs = run(
        notebook(parameters={"alpha": "{{ inputs.alpha }}", "rows": "{{ outputs.rows.rows }}"}),
        context,
    )
    assert outputs["auc"] == 0.9
    assert outputs["frame"]["rows"] == 500
    assert outputs["cells"] == {"total": 3, "done": 3, "failed": 0}
    assert outputs["outputFiles"] == {}
    assert context.final() == {1: "DONE", 2: "DONE", 3: "DONE"}
    said = [row["text"] for row in context.cells if row["cell"] == 2][-1]
    assert said == "0.5 500 ['x', 'y'] 0.5 it\n"
    assert context.metrics["rows"] == (500.0, "counter", {"src": "crm"})
    copy = json.loads(context.stored(outputs["notebook"]))
    assert copy["metadata"]["flowbook"]["execution"] == "e1"
    assert copy["metadata"]["flowbook"]["source"] == "train.ipynb"
    assert outputs["notebook"].endswith("/train.ipynb")


def test_a_failed_notebook_keeps_what_was_handed_out(context: NotebookAttempt) -> None:
    write(context.workspace_root / "train.ipynb", "import flowbook as fb\nfb.outputs(a=1)", "1 / 0")
    with pytest.raises(TaskFailed) as failure:
        run(notebook(), context)
    error = failure.value
    assert str(error) == "Cell 2 of 2 failed: ZeroDivisionError: division by zero"
    assert error.detail["cell"] == 2  # type: ignore[index]
    assert error.outputs["a"] == 1  # type: ignore[index]
    assert error.outputs["cells"] == {"total": 2, "done": 1, "failed": 1}  # type: ignore[index]
    assert b"ZeroDivisionError" in context.stored(error.outputs["notebook"])  # type: ignore[index]
    assert context.cells[-1]["error"]["name"] == "ZeroDivisionError"


def test_what_is_wrong_before_a_kernel_starts(context: NotebookAttempt) -> None:
    write(context.workspace_root / "train.ipynb", parameters="alpha = 0.1\nrows = None")
    with pytest.raises(
        TaskFailed, match=r"^train.ipynb has no parameter 'alfa'; it has alpha, rows$"
    ):
        run(notebook(parameters={"alfa": 1}), context)
    with pytest.raises(TaskFailed, match=r"^No notebook at 'no.ipynb' \(looked in /.*\)$"):
        run(notebook("no.ipynb"), context)
    with pytest.raises(TaskFailed, match="lies outside the workspace"):
        run(notebook("../../etc/x.ipynb"), context)
    with pytest.raises(TaskFailed, match="No kernel 'ir': installed are python3"):
        run(notebook(kernel="ir"), context)


def test_files_and_folders(context: NotebookAttempt) -> None:
    folder = context.workspace_root / "nb"
    write(folder / "train.ipynb", "import os\nopen('made.txt', 'w').write(os.getcwd())")
    (folder / "old.txt").write_text("old")
    outputs = run(notebook("nb/train.ipynb", outputFiles=["*.txt"]), context)
    assert list(outputs["outputFiles"]) == ["made.txt"]
    assert context.stored(outputs["outputFiles"]["made.txt"]).decode() == str(folder)
    outputs = run(
        notebook(
            "nb/train.ipynb", cwd="TASK", inputFiles={"in.txt": "x"}, outputFiles=["made.txt"]
        ),
        context,
    )
    assert context.stored(outputs["outputFiles"]["made.txt"]).decode() == str(context.directory)
    with pytest.raises(ValidationError, match="'inputFiles' needs `cwd: TASK`"):
        notebook(inputFiles={"a": "b"})


def test_a_file_arrives_as_a_local_copy(context: NotebookAttempt) -> None:
    (context.store / "d.csv").write_text("1,2")
    write(
        context.workspace_root / "train.ipynb",
        "print(open(data).read(), data.endswith('d.csv'))",
        parameters="data = None",
    )
    run(notebook(parameters={"data": "kestra:///d.csv"}), context)
    assert context.cells[-1]["text"] == "1,2 True\n"


def test_reserved_names_are_refused(context: NotebookAttempt) -> None:
    write(context.workspace_root / "train.ipynb", "import flowbook as fb\nfb.outputs(cells=1)")
    with pytest.raises(
        TaskFailed, match="'cells' is a name flowbook uses for the outputs of a notebook"
    ):
        run(notebook(), context)
    with pytest.raises(ValidationError, match="'cells' is a name flowbook uses"):
        notebook(outputs=[{"id": "cells"}])


def test_a_timeout_names_the_cell_and_keeps_the_copy(context: NotebookAttempt) -> None:
    write(context.workspace_root / "train.ipynb", "print('one')", "import time; time.sleep(600)")

    async def limited() -> None:
        async with asyncio.timeout(2):
            await notebook(timeout="PT2S").run(context)

    with pytest.raises(TaskFailed, match=r"^Timeout after PT2S \(in cell 2 of 2\)$") as failure:
        asyncio.run(limited())
    copy = json.loads(context.stored(failure.value.outputs["notebook"]))  # type: ignore[index]
    assert copy["cells"][0]["outputs"][0]["text"] == ["one\n"]
    assert context.final() == {1: "DONE", 2: "STOPPED"}


def test_export(context: NotebookAttempt) -> None:
    write(context.workspace_root / "train.ipynb", "print('said ' + 'so')")
    outputs = run(notebook(export=["html", "script"]), context)
    page = context.stored(outputs["export"]["html"]).decode()
    assert "said so" in page
    assert "print" in context.stored(outputs["export"]["script"]).decode()
    assert outputs["export"]["script"].endswith(".py")
    part = Export.model_validate(
        {
            "id": "page",
            "type": "flowbook.jupyter.Export",
            "notebook": outputs["notebook"],
            "formats": ["html"],
            "hideInput": True,
        }
    )
    page = context.stored(run(part, context)["html"]).decode()
    assert "said so" in page
    assert "&#39;said &#39;" not in page
    assert "said &#39;" not in page
