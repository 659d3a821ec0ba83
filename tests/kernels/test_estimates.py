"""How long a notebook that runs will take, as every display says it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import flowbook as fb
from flowbook.engine.estimates import Before, by_cells, whole
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


BEFORE = Before(whole=200.0, tasks={}, rest={"load": 90.0, "train": 20.0}, cells={})


@pytest.mark.parametrize(
    ("running", "tasks", "expected"),
    [
        ({}, {}, 200.0),
        ({"load": 15}, {"load": 10.0}, 15 + 15 + 90.0),
        ({"load": 5}, {"load": 10.0}, 25 + 10 + 90.0),
        ({"load": 5, "train": 5}, {"load": 10.0, "train": 300.0}, 25 + 300 + 20.0),
        ({"loop": 5}, {"loop": 10.0}, 200.0),
    ],
    ids=["between tasks", "overdue", "in time", "side by side", "several times"],
)
def test_an_execution_takes_what_runs_and_what_follows_it(
    running: dict[str, float], tasks: dict[str, float], expected: float
) -> None:
    execution = {"started_at": (NOW - timedelta(seconds=30)).isoformat()}
    runs = [
        {"task_id": task, "started_at": NOW - timedelta(seconds=seconds)}
        for task, seconds in running.items()
    ]
    assert whole(execution, runs, tasks, BEFORE, NOW) == expected


def test_the_history_tells_how_long_an_execution_goes_on(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        "id: steps\nnamespace: tests\ntasks:\n"
        "  - {id: wait, type: core.flow.Sleep, duration: '{{ inputs.wait }}'}\n"
        "  - {id: after, type: core.flow.Sleep, duration: PT0.3S}\n"
        "inputs: [{id: wait, type: STRING, defaults: PT0S}]\n"
    )
    with fb.open(tmp_path) as workspace:
        for _ in range(3):
            assert workspace.run(flow).state is State.SUCCESS
        run = workspace.run(flow, {"wait": "PT1M"}, wait=False)
        eventually(lambda: [str(one.state) for one in run.task_runs] == ["RUNNING"])
        shown = workspace.view(run.id)
        assert shown.estimate is not None
        assert shown.elapsed is not None
        assert 0.25 <= shown.estimate - shown.elapsed < 5
        assert str(run.progress) == "0 of 2 · wait"
        workspace.kill(run.id)
        run.wait(30)
        assert run.progress is None


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
