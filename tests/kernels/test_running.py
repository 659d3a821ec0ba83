"""The API inside a run: what a value becomes, and that it is harmless outside."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb
from flowbook import running
from flowbook.kernels.handed_out import HandedOut, NewsReader, collect, prepare

from .conftest import PACKAGE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    run = tmp_path / "run"
    prepare(run, {"a": 1}, {"id": "x", "flow": "f", "labels": {"k": "v"}}, reserved=["cells"])
    monkeypatch.setenv("FLOWBOOK_RUN", str(run))
    return run


def handed(folder: Path, value: Any) -> HandedOut:
    fb.outputs(it=value)
    return collect(folder)["it"]


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("ß", "ß"),
        ([1, (2, "x")], [1, [2, "x"]]),
        ({"a": {"b": None}, 1: 2}, {"a": {"b": None}, "1": 2}),
        (datetime.date(2025, 3, 1), "2025-03-01"),
        (datetime.datetime(2025, 3, 1, 12, tzinfo=datetime.UTC), "2025-03-01T12:00:00+00:00"),
        (datetime.timedelta(minutes=5, seconds=1.5), "PT5M1.5S"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("/no/such/file"), "/no/such/file"),
        ([{"n": 1}] * 99, [{"n": 1}] * 99),
    ],
)
def test_json(folder: Path, value: Any, seen: Any) -> None:
    found = handed(folder, value)
    assert (found.kind, found.value) == ("json", seen)


def test_nan_becomes_null_and_is_said(folder: Path) -> None:
    found = handed(folder, [1.0, float("nan")])
    assert found.value == [1.0, None]
    assert found.warning == "Output 'it' holds nan: NaN and infinities become null"


def test_frames_become_parquet(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    import pyarrow
    import pyarrow.parquet

    frame = pandas.DataFrame({"x": [1, 2], "y": ["a", "b"]}, index=pandas.Index([7, 8], name="key"))
    for value, columns in (
        (frame, ("key", "x", "y")),
        (frame.reset_index(drop=True), ("x", "y")),
        (frame["x"], ("key", "x")),
        (pandas.Series([1, 2]), ("it",)),
        (pyarrow.table({"x": [1, 2]}), ("x",)),
        (pyarrow.RecordBatch.from_pydict({"x": [1, 2]}), ("x",)),
    ):
        found = handed(folder, value)
        assert (found.kind, found.rows, found.columns, found.is_list) == (
            "table",
            2,
            columns,
            False,
        )
        assert found.path is not None
        assert pyarrow.parquet.read_table(found.path).num_rows == 2


def test_polars(folder: Path) -> None:
    polars = pytest.importorskip("polars", reason="needs polars")
    assert handed(folder, polars.DataFrame({"x": [1]})).columns == ("x",)


@pytest.mark.parametrize("rows", [[{"n": i} for i in range(100)], [{"t": "x" * 70_000, "u": None}]])
def test_long_lists_of_maps_are_tables_that_print_as_lists(folder: Path, rows: list[Any]) -> None:
    import pyarrow.parquet

    found = handed(folder, rows)
    assert (found.kind, found.is_list, found.rows) == ("table", True, len(rows))
    assert pyarrow.parquet.read_table(found.path).to_pylist() == rows


def test_maps_without_a_common_type_stay_json(folder: Path) -> None:
    rows = [{"n": 1 if i % 2 else "one"} for i in range(200)]
    assert handed(folder, rows).value == rows


def test_arrays(folder: Path) -> None:
    numpy = pytest.importorskip("numpy")
    assert handed(folder, numpy.float64(0.5)).value == 0.5
    assert handed(folder, numpy.arange(3)).value == [0, 1, 2]
    large = handed(folder, numpy.zeros((10_000, 2)))
    assert (large.kind, large.rows, large.columns) == ("table", 10_000, ("0", "1"))
    cube = handed(folder, numpy.zeros((100, 100, 2)))
    assert (cube.kind, cube.name) == ("file", "it.npy")


def test_figures_and_files(folder: Path, tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    for value in (figure, axes):
        found = handed(folder, value)
        assert found.path is not None
        assert (found.name, found.path.read_bytes()[:4]) == ("it.png", b"\x89PNG")
    plt.close(figure)
    (tmp_path / "a.csv").write_text("1")
    found = handed(folder, tmp_path / "a.csv")
    assert found.path is not None
    assert (found.kind, found.name, found.path.read_text()) == ("file", "a.csv", "1")
    for value in (b"bytes", bytearray(b"bytes"), io.BytesIO(b"bytes"), io.StringIO("bytes")):
        path = handed(folder, value).path
        assert path is not None
        assert path.read_bytes() == b"bytes"


class Drawn:
    def _repr_html_(self) -> str:
        return "<b>drawn</b>"


def test_what_only_draws_itself_is_a_page(folder: Path) -> None:
    path = handed(folder, Drawn()).path
    assert path is not None
    assert path.read_text() == "<b>drawn</b>"


@pytest.mark.parametrize("value", [object(), {"a": object()}, lambda: 1, {(1, 2): 3}])
def test_anything_else_is_refused(folder: Path, value: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^Output 'it' is a \w+: hand on a number, text, table, figure or file$"
    ):
        fb.outputs(it=value)


def test_reserved_names(folder: Path) -> None:
    with pytest.raises(ValueError, match="'cells' is a name flowbook uses"):
        fb.outputs(cells=1)


def test_later_calls_add_and_replace(folder: Path) -> None:
    fb.outputs(a=1, b=2)
    fb.outputs(a=3)
    assert {name: found.value for name, found in collect(folder).items()} == {"a": 3, "b": 2}


def test_inputs_execution_and_news(folder: Path) -> None:
    assert fb.inputs == {"a": 1}
    assert (fb.execution.id, fb.execution.flow, fb.execution.labels) == ("x", "f", {"k": "v"})
    heard: list[Any] = []
    reader = NewsReader(folder, heard.append)
    fb.progress(1.7, "almost")
    fb.metric("rows", 3, src="crm")
    reader.look()
    reader.look()
    assert heard == [
        {"progress": 1.0, "text": "almost"},
        {"metric": "rows", "value": 3.0, "tags": {"src": "crm"}},
    ]


def test_harmless_outside_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWBOOK_RUN", raising=False)
    fb.outputs(a=1)
    fb.progress(0.5)
    fb.metric("n", 1)
    assert dict(fb.inputs) == {}
    assert fb.execution.id is None
    assert not fb.execution
    with pytest.raises(TypeError, match="Output 'a' is a object"):
        fb.outputs(a=object())


def test_a_table_reference_reads_when_asked(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"x": [1, 2]}), path)
    table = running.Table(str(path), uri="kestra:///t", rows=2, columns=["x"])
    assert (str(table), len(table), repr(table)) == ("kestra:///t", 2, "<table 2 × 1: x>")
    assert list(table) == [{"x": 1}, {"x": 2}]
    assert list(table.df()["x"]) == [1, 2]


def test_the_module_stands_alone(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.py"
    alone.write_text((PACKAGE / "flowbook" / "running.py").read_text())
    code = "import alone; alone.hand_out_variables({'n': 3}, {'count': 'n'})"
    subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}",
        ],
        check=True,
        env=dict(os.environ),
    )
    assert collect(folder)["count"].value == 3


def test_a_torn_line_is_left_out(folder: Path) -> None:
    fb.outputs(a=1)
    with (folder / "outputs" / "index.jsonl").open("a") as file:
        file.write(json.dumps({"name": "b", "kind": "json", "value": 2}))
    assert list(collect(folder)) == ["a"]
