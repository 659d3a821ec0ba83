"""Notebooks of every shape: old formats, none at all, large ones, widgets, loud ones."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from flowbook.kernels import journal
from flowbook.kernels.executed import Executed
from flowbook.kernels.notebook import NotANotebook, dump, inject, load, numbered, parse, write
from flowbook.kernels.run import run

from .conftest import Runner, copy_of, notebook

pytestmark = pytest.mark.anyio


def of_format(minor: int) -> dict[str, Any]:
    made = notebook("print('a')\n1 + 1", {"source": "# t", "cell_type": "markdown"})
    made["nbformat_minor"] = minor
    for cell in made["cells"]:
        if minor < 5:
            del cell["id"]
        cell["source"] = cell["source"].splitlines(keepends=True)
    made["cells"][0]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": ["old\n", "output\n"]}
    ]
    return made


@pytest.mark.parametrize("minor", range(6))
async def test_every_minor_format(runner: Runner, minor: int) -> None:
    task = runner.task("1")
    task.notebook.write_text(json.dumps(of_format(minor)))
    result = await run(task, runner.hear)
    assert result.error is None
    copy = copy_of(result)
    assert [output["output_type"] for output in copy["cells"][0]["outputs"]] == [
        "stream",
        "execute_result",
    ]
    assert copy["cells"][0]["execution_count"] == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("[]", "it holds no JSON object"),
        ('{"nbformat": 3, "worksheets": []}', "its nbformat is 3; open it in Jupyter and save it"),
        ('{"nbformat": 4}', "it has no list of cells"),
        ('{"nbformat": 4, "cells": [1]}', "entry 1 of its cells is no cell"),
        ("{", "Expecting property name"),
    ],
)
def test_not_a_notebook(text: str, why: str) -> None:
    with pytest.raises(NotANotebook, match=why) as error:
        parse(text, "train.ipynb")
    assert str(error.value).startswith("train.ipynb is not a notebook")


def test_ids_are_the_same_at_every_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(of_format(2)))
    first, second = load(path), load(path)
    assert [c["id"] for c in first.document["cells"]] == [c["id"] for c in second.document["cells"]]
    assert first.digest == second.digest


def test_what_is_written_is_what_nbformat_writes(tmp_path: Path) -> None:
    import nbformat

    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(of_format(5)))
    document = load(path).document
    assert dump(document).decode() == nbformat.writes(nbformat.from_dict(document)) + "\n"


@pytest.mark.parametrize("cells", [(), ("a", "b\n\tc")])
def test_a_notebook_with_keys_of_its_own_is_written_whole(cells: tuple[str, ...]) -> None:
    document = {"authors": [{"cells": []}], **notebook(*cells), "z": '\n "cells": []'}
    assert json.loads(dump(document)) == json.loads(json.dumps(document)) | {
        "cells": [
            {**cell, "source": cell["source"].splitlines(keepends=True)}
            for cell in document["cells"]
        ]
    }


def test_an_earlier_injected_cell_is_replaced() -> None:
    once = inject(notebook("a = 1", "b"), "# Parameters\na = 2\n")
    again = inject(once, "# Parameters\na = 3\n")
    assert [cell["source"] for cell in again["cells"]] == ["# Parameters\na = 3\n", "a = 1", "b"]
    assert [number for number, _ in numbered(again)] == [0, 1, 2]


@pytest.mark.parametrize(
    "cells", [(), ("",), ({"source": "# only text", "cell_type": "markdown"},)]
)
async def test_nothing_to_run(runner: Runner, cells: tuple[Any, ...]) -> None:
    result = await runner(*cells)
    assert result.error is None
    assert result.cells["done"] == 0
    copy_of(result)


async def test_no_metadata_and_a_path_of_other_letters(runner: Runner) -> None:
    folder = runner.folder / "Übung 日本 'x'"
    folder.mkdir()
    task = runner.task("print('ßé日本')", name="Übung 日本 'x'/Bericht nº 1.ipynb", cwd=folder)
    result = await run(task, runner.hear)
    assert result.error is None
    assert result.executed.name == "Bericht nº 1.ipynb"
    assert runner.news[-1].text == "ßé日本\n"


async def test_a_thousand_cells(runner: Runner) -> None:
    result = await runner(*(f"x = {number}" for number in range(1000)))
    assert result.cells == {"total": 1000, "done": 1000, "failed": 0}
    assert len(copy_of(result)["cells"]) == 1000


@pytest.mark.parametrize("lines", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
async def test_many_lines_are_cut(runner: Runner, lines: int) -> None:
    limit = min(10 * 1024 * 1024, lines * 10)
    result = await asyncio.wait_for(
        run(
            runner.task(
                f"for i in range({lines}): print(f'line {{i}} of a long story')",
                "print('after')",
                max_output=limit,
            ),
            runner.hear,
        ),
        240,
    )
    assert result.error is None
    outputs = copy_of(result)["cells"][0]["outputs"]
    assert outputs[0]["text"].startswith("line 0 of")
    assert len(outputs[0]["text"]) == limit
    assert "this cell's outputs exceed" in outputs[1]["text"]
    assert result.executed.stat().st_size < 2 * limit
    assert runner.news[-1].text == "after\n"


async def test_fifty_megabytes_in_one_display(runner: Runner) -> None:
    result = await runner(
        "from IPython.display import display, HTML\ndisplay(HTML('x' * 50_000_000))\nprint('still here')"
    )
    assert result.error is None
    assert result.executed.stat().st_size < 1024 * 1024
    assert "exceed 10 MiB" in copy_of(result)["cells"][0]["outputs"][0]["text"]


async def test_displays_widgets_and_clearing(runner: Runner) -> None:
    pytest.importorskip("ipywidgets")
    result = await runner(
        "from IPython.display import display, clear_output\nh = display('first', display_id=True)",
        "h.update('second')",
        "for i in range(3):\n    clear_output(wait=True)\n    print('step', i)",
        "from ipywidgets import IntProgress\np = IntProgress(max=10)\ndisplay(p)\np.value = 7",
    )
    assert result.error is None
    copy = copy_of(result)
    assert copy["cells"][0]["outputs"][0]["data"]["text/plain"] == "'second'"
    assert [output["text"] for output in copy["cells"][2]["outputs"]] == ["step 2\n"]
    models = copy["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    shown = copy["cells"][3]["outputs"][0]["data"]["application/vnd.jupyter.widget-view+json"][
        "model_id"
    ]
    assert models[shown]["state"]["value"] == 7


async def test_the_journal_says_what_the_copy_says(runner: Runner) -> None:
    result = await runner(
        "print('a')",
        "from IPython.display import display\nh = display('first', display_id=True)\nh.update('second')",
        "1 / 0",
        "print('never')",
    )
    executed = journal.read(result.executed.parent)
    assert executed.is_done
    assert dump(executed.settled()) == result.executed.read_bytes()


LATE = {
    "nothing": {"op": "start", "cell": 1, "at": "2026-01-01T00:00:02+00:00"},
    "text": {
        "op": "output",
        "cell": 0,
        "output": {"output_type": "stream", "name": "stdout", "text": "late\nlater"},
    },
    "display": {"op": "update", "display_id": "d", "data": {"text/plain": "new"}, "metadata": {}},
    "clearing": {"op": "clear", "cell": 0},
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_a_cell_encoded_at_its_end_is_written_as_it_is_in_the_end(
    tmp_path: Path, late: dict[str, Any]
) -> None:
    at = "2026-01-01T00:00:00+00:00"
    shown = {"output_type": "display_data", "data": {"text/plain": "old"}, "metadata": {}}
    executed = Executed(notebook("'é'", "b"))
    executed.apply({"op": "start", "cell": 0, "at": at})
    executed.apply({"op": "output", "cell": 0, "output": shown, "display_id": "d"})
    executed.apply({"op": "end", "cell": 0, "at": at, "state": "DONE", "count": 1, "seconds": 1.0})
    executed.apply(late)
    executed.get_ready()
    assert list(executed.ready) == [0]
    executed.apply(late)
    path = tmp_path / "a.ipynb"
    write(executed.settled(), path, executed.ready)
    assert path.read_bytes() == dump(executed.document)


async def test_a_torn_journal_reads_up_to_the_tear(runner: Runner) -> None:
    result = await runner("print('a')", "print('b')")
    folder = result.executed.parent
    whole = (folder / "run.jsonl").read_bytes()
    result.executed.unlink()
    for cut in range(whole.index(b"\n") + 1, len(whole), 97):
        (folder / "run.jsonl").write_bytes(whole[:cut])
        copy, _ = journal.seal(folder)
        parse(copy.read_bytes(), copy.name)
        copy.unlink()


async def test_the_notebook_may_be_edited_while_it_runs(runner: Runner) -> None:
    result = await runner(
        "import pathlib\npathlib.Path('train.ipynb').write_text('gone')", "print('b')"
    )
    assert result.error is None
    assert [cell["source"] for cell in copy_of(result)["cells"]][1] == "print('b')"


async def test_what_a_thread_prints_later_is_kept(runner: Runner) -> None:
    result = await runner(
        "import threading, time\ndef late():\n    time.sleep(0.3); print('late')\n"
        "thread = threading.Thread(target=late); thread.start()",
        "print('second')\nthread.join()",
    )
    assert result.error is None
    texts = ["".join(o["text"] for o in cell["outputs"]) for cell in copy_of(result)["cells"]]
    assert "late\n" in texts[0] + texts[1]  # which of the two is the kernel's to say


@pytest.mark.parametrize("code", ["exit()", "import sys; sys.exit(1)"])
async def test_leaving(runner: Runner, code: str) -> None:
    result = await runner(code)
    if "sys" in code:
        assert result.error is not None
        assert result.error.message == "Cell 1 of 1 failed: SystemExit: 1"
    else:
        assert result.error is None


async def test_text_that_utf8_has_no_place_for() -> None:
    document = notebook("print('a\ud800b')")
    assert json.loads(dump(document))["cells"][0]["source"] == ["print('a?b')"]


async def test_top_level_await_and_magics(runner: Runner) -> None:
    result = await runner(
        "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')", "!echo hi", "%time x = 1"
    )
    assert result.error is None
    assert "hi" in copy_of(result)["cells"][1]["outputs"][0]["text"]


async def test_a_file_left_open_is_written(runner: Runner) -> None:
    result = await runner(
        "import atexit\nf = open('left.txt', 'w')\nf.write('flushed at the end')\n"
        "atexit.register(lambda: open('atexit.txt', 'w').write('ran'))"
    )
    assert result.error is None
    assert (runner.folder / "left.txt").read_text() == "flushed at the end"
    assert (runner.folder / "atexit.txt").read_text() == "ran"
