"""What a task handed on, looked at from Python: tables, files, values, and how they show themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flowbook as fb
from flowbook.errors import NotFound

FLOW = """
id: hands-on
namespace: tests
tasks:
  - id: query
    type: io.kestra.plugin.jdbc.duckdb.Query
    sql: select i as n, 'row ' || i as name from range(2500) t(i)
    fetchType: FETCH
  - id: files
    type: io.kestra.plugin.scripts.python.Script
    outputFiles: ["*.png", "*.html", "*.md", "*.bin"]
    script: |
      import base64, pathlib
      import flowbook as fb
      dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
      pathlib.Path("dot.png").write_bytes(base64.b64decode(dot))
      pathlib.Path("page.html").write_text("<p>a page</p>")
      pathlib.Path("notes.md").write_text("# notes")
      pathlib.Path("odd.bin").write_bytes(b"1")
      fb.outputs(few=[{"a": 1}, {"a": 2}], word="hi <b>", dot=pathlib.Path("dot.png"))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fb.Run]:
    with fb.open(tmp_path_factory.mktemp("outputs"), embedded=True) as workspace:
        run = workspace.run(FLOW, timeout=60)
        assert run.state == "SUCCESS", run.error
        yield run


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is displayed, in order."""
    found: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda one: found.append(one))
    return found


def test_outputs_are_browsed_by_key_attribute_and_completion(run: fb.Run) -> None:
    outputs = run["files"].outputs

    assert outputs.word == outputs["word"] == "hi <b>"
    assert {"few", "word", "dot", "outputFiles"} <= set(outputs._ipython_key_completions_())
    assert {"few", "word", "dot"} <= set(dir(outputs))
    assert "files" in run._ipython_key_completions_()
    with pytest.raises(AttributeError):
        outputs.nothing  # noqa: B018


def test_a_table_is_read_when_it_is_asked_for(run: fb.Run) -> None:
    table = run["query"].outputs.rows

    assert (table.rows, len(table), repr(table)) == (2500, 2500, "<table 2500 × 2: n, name>")
    assert str(table).startswith("kestra:///")
    assert table.head(2) == [{"n": 0, "name": "row 0"}, {"n": 1, "name": "row 1"}]
    assert int(table.df()["n"].sum()) == table.arrow()["n"].to_numpy().sum() == 3123750
    assert run["query"].df().shape == run.df("query").shape == (2500, 2)
    assert list(run["files"].df()["a"]) == [1, 2]


def test_a_file_is_its_uri_and_lies_somewhere(run: fb.Run) -> None:
    dot = run["files"].outputs.dot

    assert dot.startswith("kestra:///")
    assert dot.path == run["files"].path("dot")
    assert dot.read_bytes().startswith(b"\x89PNG")
    assert run["files"].outputs.outputFiles["page.html"].read_text() == "<p>a page</p>"
    assert 'src="data:image/png;base64,' in dot._repr_html_()


def test_what_is_not_there_is_said_with_what_is(run: fb.Run) -> None:
    with pytest.raises(NotFound, match=r"no output 'fw'; it has .*few"):
        run["files"].df("fw")
    with pytest.raises(NotFound, match="Output 'word' of task 'files' is no file"):
        run["files"].path("word")


def test_show_uses_what_notebooks_display(run: fb.Run, displayed: list[Any]) -> None:
    run["files"].show()
    run["query"].show("rows")
    kinds = [type(one).__name__ for one in displayed]

    assert kinds[:-1].count("HTML") == len(run["files"].outputs)  # the names
    assert {"DataFrame", "Image", "str"} <= set(kinds)
    assert displayed[-1].shape == (1000, 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("page.html", "HTML"),
        ("notes.md", "Markdown"),
        ("dot.png", "Image"),
        ("odd.bin", "FileLink"),
    ],
)
def test_a_file_is_displayed_as_what_it_is(run: fb.Run, name: str, kind: str) -> None:
    from flowbook.api.outputs import shown

    assert type(shown(run["files"].outputs.outputFiles[name])).__name__ == kind


def test_outputs_show_themselves_without_running_anything(run: fb.Run) -> None:
    html = run["files"].outputs._repr_html_()

    assert "hi &lt;b&gt;" in html
    assert "<img" in html
    assert "2,500 rows × 2 columns" in run["query"].outputs._repr_html_()
    assert "<script" not in html


def test_expressions_are_evaluated_at_a_tasks_place(run: fb.Run) -> None:
    assert run.eval("{{ outputs.query.rows | length }}", task="files") == 2500
    assert run.eval("outputs.files.word ~ '!'") == "hi <b>!"
    assert Path(run["files"].outputs.dot.path).is_file()
