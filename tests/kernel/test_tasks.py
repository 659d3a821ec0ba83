"""`%%task`: cells that become tasks of a flow, with the order that follows from their names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import Any

import pytest

from .conftest import PATIENCE, Kernel

LOAD = '%%task load --flow prep --outputs frame\nframe = [{"n": i} for i in range(3)]\n'
TOTAL = '%%task total --flow prep -o run\nsum(r["n"] for r in frame)\n'
PLOT = "import matplotlib.pyplot as plt\nplt.bar(range(3), [r['n'] for r in frame])\nplt.title('{}')\nNone\n"


def values(kernel: Kernel, expression: str) -> Any:
    return ast.literal_eval(kernel.value(expression))


def outputs(kernel: Kernel, run: str = "run") -> Any:
    return values(kernel, f"{{one.task_id: dict(one.outputs) for one in {run}.task_runs}}")


@pytest.fixture
def prep(kernel: Kernel) -> Kernel:
    """A kernel whose flow `prep` has two cells."""
    for code in (LOAD, TOTAL):
        cell = kernel.run(code)
        assert cell.status == "ok", cell
    return kernel


def test_a_cell_is_run_alone_and_its_order_follows_from_names(kernel: Kernel) -> None:
    first, second = kernel.run(LOAD), kernel.run(TOTAL)

    assert first.printed == "notebook.prep: load\n"
    assert second.printed == "notebook.prep: load → total, by frame\n"
    assert outputs(kernel) == {"load": {}, "total": {"result": 3}}
    assert values(kernel, "[(one.task_id, str(one.state)) for one in run.task_runs]") == [
        ("load", "SKIPPED"),
        ("total", "SUCCESS"),
    ]
    assert kernel.value("run.flow, run.revision") == "notebook.prep 2"
    assert kernel.value("frame") == "[{'n': 0}, {'n': 1}, {'n': 2}]"


def test_the_flow_runs_in_order_here_and_the_same_in_the_background(prep: Kernel) -> None:
    prep.run(LOAD)  # again: replaced, not doubled
    prep.run("%flow run prep -o here")
    prep.run("del frame")
    prep.run("%flow run prep --bg -o there")

    assert prep.value("there.wait(60).state") == "SUCCESS"
    assert outputs(prep, "here") == outputs(prep, "there")
    assert list(outputs(prep, "here")) == ["load", "total"]
    assert prep.value("'frame' in globals()") == "False"


def test_a_name_that_no_task_defines_is_told_before_the_run_and_fails_it(prep: Kernel) -> None:
    prep.run(TOTAL.replace("frame", "fram"))
    cell = prep.run("%flow run prep -o run")

    assert "Warning: no task of notebook.prep defines 'fram', which total reads.\n" in cell.printed
    assert cell.runs[-1]["state"] == "failed"
    assert prep.value("run.error['message']") == (
        "NameError: name 'fram' is not defined, line 1 of total"
    )
    prep.run("fram = 5")
    assert (
        "this notebook does, but elsewhere it will be missing" in prep.run("%flow run prep").printed
    )


def test_ctrl_c_kills_the_execution_and_the_kernel_lives(prep: Kernel) -> None:
    prep.run("mine = 1")
    request = prep.start(LOAD + "print('up')\nimport time\ntime.sleep(600)\n")
    prep.finish(request, until=lambda cell: "up" in cell.printed)
    prep.manager.interrupt_kernel()
    cell = prep.finish(request)

    assert cell.runs[-1]["state"] == "killed"
    assert prep.value("mine, frame") == "1 [{'n': 0}, {'n': 1}, {'n': 2}]"
    assert prep.run(LOAD).status == "ok"


def test_what_a_cell_comes_after_can_be_said(prep: Kernel) -> None:
    cell = prep.run(TOTAL.replace(" -o run", " --after load -o run"))
    assert cell.printed == "notebook.prep: load → total, as it says\n"
    assert "Did you mean 'load'?" in prep.run("%%task x --flow prep --after lod\n1").errors
    circle = prep.run(LOAD.replace("--outputs", "--after total --outputs"))
    assert "These cells would wait for each other: load, total" in circle.errors


def test_what_is_wrong_is_one_line(kernel: Kernel) -> None:
    assert "name a flow with --flow ID" in kernel.run("%%task load\n1").errors
    assert "'my task' can't be a task's id" in kernel.run("%%task 'my task' --flow x\n1").errors
    assert "got 'a.b'" in kernel.run("%%task load --flow x --outputs a.b\n1").errors
    kernel.run("%%flow --no-run\nid: other\ntasks: [{id: log, type: core.log.Log, message: hi}]\n")
    refused = kernel.run("%%task load --flow other\n1").errors
    assert "Flow notebook.other has tasks that are no cells (log)" in refused


def test_the_notebooks_name_is_the_flows(kernel: Kernel) -> None:
    kernel.run("__session__ = '/home/ada/My Report (2).ipynb'")
    assert "notebook.my-report-2: load" in kernel.run("%%task load\n1").printed


def test_five_cells_run_the_same_here_and_from_the_command_line(
    kernel: Kernel, environment: dict[str, str]
) -> None:
    cells = {
        "plot": "%%task plot --flow five --outputs figure\n" + PLOT.format("n") + "figure = plt.gcf()\n",
        "load": LOAD.replace("prep", "five"),
        "fetch": "%%task fetch --flow five --outputs doubled\nimport asyncio\nawait asyncio.sleep(0.05)\n"
        "doubled = [r['n'] * 2 for r in frame]\n",
        "again": "%%task again --flow five\n" + PLOT.format("again"),
        "total": "%%task total --flow five\nsum(doubled)\n",
    }  # fmt: skip
    kernel.run("%matplotlib inline\n" + LOAD.partition("\n")[2])
    shown = {name: kernel.run(code) for name, code in cells.items()}

    assert [name for name, cell in shown.items() if cell.error or cell.errors] == []
    assert "load → plot, by frame" in shown["load"].printed
    assert "load → fetch, by frame" in shown["fetch"].printed
    assert "fetch → total, by doubled" in shown["total"].printed
    here = kernel.run("%flow run five -o run")
    assert len([one for one in here.displays if "image/png" in one]) == 2
    expected = outputs(kernel)
    assert next(iter(expected)) == "load"
    assert expected["total"] == {"result": 6}

    kernel.run("%flow export five")
    kernel.run("%flow deploy flows/five.yaml")
    told = subprocess.run(
        [sys.executable, "-m", "flowbook", "run", "notebook.five", "--json"],
        env=environment, cwd=kernel.root, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    kernel.run(f"there = run.workspace.execution({_id_in(told.stdout)!r})")
    found = outputs(kernel, "there")
    assert kernel.value("there['plot'].path('figure').read_bytes()[:4]") == repr(b"\x89PNG")
    assert found["plot"].keys() == expected.pop("plot").keys()
    del found["plot"]
    assert found == expected


def test_the_exported_notebook_is_a_task_with_the_same_outputs(prep: Kernel) -> None:
    cell = prep.run("%flow export prep kept/prep.yaml")
    assert cell.printed.startswith("Wrote kept/prep.yaml\nWrote kept/prep.ipynb\n")
    text = (prep.root / "kept/prep.yaml").read_text()
    assert "    after: [load]  # from names: load by frame\n" in text

    prep.run("%%flow -o run\nid: asone\ntasks: [{id: all, type: flowbook.jupyter.Notebook, path: kept/prep.ipynb}]\n")  # fmt: skip
    assert outputs(prep)["all"]["frame"] == [{"n": 0}, {"n": 1}, {"n": 2}]

    (prep.root / "kept/prep.yaml").write_text("mine")
    assert (
        "There is something else in kept/prep.yaml already"
        in prep.run("%flow export prep kept/prep.yaml").errors
    )
    assert prep.run("%flow export prep kept/prep.yaml --force").status == "ok"
    assert (prep.root / "kept/prep.yaml").read_text() == text


def test_outputs_are_at_hand_by_line(prep: Kernel) -> None:
    prep.run("%flow run prep -o run")

    whole = prep.run("%flow out run load")
    assert whole.result is not None
    assert "<b>frame</b>" in whole.result["text/html"]
    assert prep.run("%flow out total result").result == {"text/plain": "3"}
    assert "no output 'fram'; it has frame" in prep.run("%flow out run load fram").errors
    assert prep.complete("%flow out run lo") == ["load"]
    assert prep.complete("%flow out run load ") == ["frame"]


def test_a_deployed_flow_of_cells_runs_as_its_cells_are_now(prep: Kernel) -> None:
    prep.run("%flow deploy prep")
    assert "as deployed" not in prep.run("%flow run prep").printed
    prep.run("%%task total --flow prep\n7")
    cell = prep.run("%flow run prep -o run")

    assert "The cells as they are now, not as deployed" in cell.printed
    assert outputs(prep)["total"] == {"result": 7}


def test_completion_knows_flows_and_cells(prep: Kernel) -> None:
    assert "--outputs" in prep.complete("%%task x --")
    assert "prep" in prep.complete("%%task x --flow pr")
    assert prep.complete("%%task x --flow prep --after lo") == ["load"]
    assert "notebook.prep" in prep.complete("%flow export ")


def _id_in(printed: str) -> str:
    return str(json.loads(printed)["id"])
