"""How long a notebook that runs will take, as every display says it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.engine.estimates import by_cells
from flowbook.kinds.state import State

from .conftest import notebook
from .processes import eventually

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLOW = """
id: slow
namespace: tests
tasks:
  - {id: train, type: flowbook.jupyter.Notebook, path: train.ipynb}
"""
WAITS = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)"
USUAL = {("train", "cell-0"): 5.0, ("train", "cell-1"): 40.0, ("train", "cell-2"): 35.0}


def cell(number: int, state: str, since: float | None = None) -> dict[str, object]:
    started = None if since is None else NOW - timedelta(seconds=since)
    return {
        "cell": number + 1,
        "cell_id": f"cell-{number}",
        "state": state,
        "started_at": started,
        "attempt": 1,
    }


@pytest.mark.parametrize(
    ("since", "left"), [(0.0, 75.0), (10.0, 65.0), (60.0, 35.0)], ids=["begun", "on", "overdue"]
)
def test_what_is_left_is_what_the_cells_left_usually_take(since: float, left: float) -> None:
    run = {"task_id": "train", "started_at": NOW - timedelta(seconds=100)}
    cells = [cell(0, "DONE", 100), cell(1, "RUNNING", since), cell(2, "WAITING")]
    assert by_cells(run, cells, USUAL, NOW) == 100 + left


def test_a_new_cell_leaves_it_open() -> None:
    run = {"task_id": "train", "started_at": NOW - timedelta(seconds=100)}
    cells = [cell(1, "RUNNING", 1), cell(7, "WAITING")]
    assert by_cells(run, cells, USUAL, NOW) is None


@pytest.mark.parametrize("runs", [2, 3])
def test_a_running_notebook_says_how_long(tmp_path: Path, runs: int) -> None:
    (tmp_path / "train.ipynb").write_text(json.dumps(notebook("print(1)", WAITS, "print(3)")))
    flow = tmp_path / "flow.yaml"
    flow.write_text(FLOW)
    earlier = [
        {
            "table": "cells",
            "execution_id": f"earlier-{number}",
            "task_run_id": f"run-{number}",
            "namespace": "tests",
            "flow_id": "slow",
            "task_id": task,
            "attempt": 1,
            "cell": position + 1,
            "cell_id": name,
            "state": "DONE",
            "started_at": NOW.isoformat(),
            "ended_at": (NOW + timedelta(seconds=seconds)).isoformat(),
        }
        for number in range(runs)
        for position, ((task, name), seconds) in enumerate(USUAL.items())
    ]
    with fb.open(tmp_path) as workspace:
        workspace.portal.call(workspace.engine.store.record(earlier))
        workspace.portal.call(workspace.engine.store.flush())
        run = workspace.run(flow, wait=False)

        def view() -> object:
            return workspace.portal.call(workspace.engine.history.view(run.id))

        try:
            eventually(lambda: view().graph.children[0].cells == "dr.")
            shown = view()
            assert ("cell 2 of 3 · 1:10 left" in str(shown.bundle()["text/plain"])) == (runs == 3)
            estimate = shown.to_json()["graph"]["children"][0].get("estimate")
            assert (estimate is not None) == (runs == 3)
        finally:
            (tmp_path / "go").touch()
        run.wait(30)
        assert run.state is State.SUCCESS
        assert view().graph.children[0].cells == "ddd"
