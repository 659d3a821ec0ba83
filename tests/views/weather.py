"""Rows of one execution of a real-looking flow, at three moments: what the store would answer."""

from __future__ import annotations

from typing import Any

START = 1_795_182_000.0
TREE: dict[str, Any] = {
    "children": [
        {"id": "download", "type": "core.http.Download", "kind": "task"},
        {"id": "clean", "type": "scripts.python.Script", "kind": "task"},
        {
            "id": "analyse",
            "type": "core.flow.Parallel",
            "kind": "group",
            "layout": "parallel",
            "children": [
                {"id": "report", "type": "jupyter.Notebook", "kind": "task"},
                {
                    "id": "by_month",
                    "type": "core.flow.ForEach",
                    "kind": "loop",
                    "children": [{"id": "sum", "type": "core.debug.Return", "kind": "task"}],
                },
            ],
        },
        {"id": "monthly", "type": "jdbc.duckdb.Query", "kind": "task"},
        {"id": "summary", "type": "core.log.Log", "kind": "task"},
    ],
    "errors": [],
    "finally": [],
    "afterExecution": [],
}


def _run(
    task: str, state: str, start: float, end: float | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "id": f"run-{task}-{more.get('iteration', '')}",
        "execution_id": "7Kx2mQbP4Lw9ZrT8sVnJ1c",
        "task_id": task,
        "parent_id": None,
        "value": None,
        "iteration": None,
        "state": state,
        "started_at": START + start,
        "ended_at": None if end is None else START + end,
        "attempts": 1,
        "error": None,
        "progress": None,
        **more,
    }


def _months(done: int, running: int) -> list[dict[str, Any]]:
    loop = "run-by_month-"
    states = ["SUCCESS"] * done + ["RUNNING"] * running
    return [
        _run(
            "sum",
            state,
            5.0 + index,
            6.0 + index if state == "SUCCESS" else None,
            parent_id=loop,
            iteration=index,
            value=f"2012-{index % 12 + 1:02}",
        )
        for index, state in enumerate(states)
    ]


SOURCE = "fig, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(9, 5))"


def _cells(done: int, last: str, total: int) -> list[dict[str, Any]]:
    states = ["DONE"] * done + ([last] if last else [])
    states += ["WAITING"] * (total - len(states))
    return [
        {
            "task_run_id": "run-report-",
            "attempt": 1,
            "cell": index + 1,
            "state": state,
            "started_at": START + 4 + index * 4,
            "ended_at": None,
            "source": SOURCE,
        }
        for index, state in enumerate(states)
    ]


FIRST = [_run("download", "SUCCESS", 0.0, 1.1), _run("clean", "SUCCESS", 1.1, 4.5)]
ERROR = {
    "type": "KeyError",
    "message": "'Column not found: rain'",
    "cell": 9,
    "line": 3,
    "excerpt": "fig, (top, bottom) = plt.subplots(2, 1, sharex=True)\n"
    'bottom.bar(monthly.groups, monthly["rain"].sum())\n'
    'bottom.set_ylabel("rain, mm")',
}
OUTPUTS = [
    {
        "task_run_id": "run-download-",
        "task_id": "download",
        "outputs": {"uri": "kestra:///demo/seattle-weather.csv", "length": 86_000},
    },
    {
        "task_run_id": "run-clean-",
        "task_id": "clean",
        "outputs": {"vars": {"weather": {"uri": "kestra:///demo/weather.parquet", "rows": 1461}}},
    },
]
MONTHLY = {
    "task_run_id": "run-monthly-",
    "task_id": "monthly",
    "outputs": {
        "rows": [
            {
                "month": f"2012-{month:02}",
                "rain_mm": rain,
                "temp_max": high,
                "temp_min": low,
                "wind": 3.9,
            }
            for month, rain, high, low in (
                (1, 173.3, 7.1, 1.5),
                (2, 92.3, 9.3, 3.2),
                (3, 183.0, 9.7, 2.8),
                (4, 68.1, 14.9, 6.2),
                (5, 52.2, 18.2, 8.1),
                (6, 75.1, 20.1, 10.6),
                (7, 26.3, 24.6, 12.9),
                (8, 0.0, 26.1, 13.4),
            )
        ]
    },
}
EXECUTION: dict[str, Any] = {
    "id": "7Kx2mQbP4Lw9ZrT8sVnJ1c",
    "namespace": "notebook",
    "flow_id": "seattle-weather",
    "flow_revision": 3,
    "created_at": START,
    "started_at": START,
    "ended_at": None,
    "labels": {},
    "error": None,
    "outputs": {},
}


def _analyse(state: str, end: float | None, months: tuple[int, int]) -> list[dict[str, Any]]:
    over = months[1] == 0
    return [
        _run("analyse", state, 4.5, end),
        _run(
            "by_month",
            "SUCCESS" if over else "RUNNING",
            4.5,
            53.5 if over else None,
            parent_id="run-analyse-",
            progress={"lanes": 48},
        ),
        *_months(*months),
    ]


def running() -> dict[str, Any]:
    """Thirty-five seconds in: the report is in cell 7 of 12."""
    report = _run("report", "RUNNING", 4.5, parent_id="run-analyse-")
    return {
        "execution": {**EXECUTION, "state": "RUNNING"},
        "tree": TREE,
        "task_runs": [*FIRST, *_analyse("RUNNING", None, (31, 4)), report],
        "cells": _cells(6, "RUNNING", 12),
        "outputs": OUTPUTS,
        "now": START + 35,
        "estimates": {"": 105.0, "report": 100.0},
    }


def failed() -> dict[str, Any]:
    """The report failed in cell 9 of 12."""
    report = _run("report", "FAILED", 4.5, 66.5, parent_id="run-analyse-", error=ERROR)
    return {
        "execution": {**EXECUTION, "state": "FAILED", "ended_at": START + 66.6},
        "tree": TREE,
        "task_runs": [*FIRST, *_analyse("FAILED", 66.6, (48, 0)), report],
        "cells": _cells(8, "FAILED", 12),
        "outputs": OUTPUTS,
        "now": START + 70,
    }


def success() -> dict[str, Any]:
    """All went well."""
    report = _run("report", "SUCCESS", 4.5, 102.5, parent_id="run-analyse-")
    return {
        "execution": {**EXECUTION, "state": "SUCCESS", "ended_at": START + 103},
        "tree": TREE,
        "task_runs": [
            *FIRST,
            *_analyse("SUCCESS", 102.6, (48, 0)),
            report,
            _run("monthly", "SUCCESS", 102.6, 102.8),
            _run("summary", "SUCCESS", 102.8, 102.9),
        ],
        "cells": _cells(12, "", 12),
        "outputs": [*OUTPUTS, MONTHLY],
        "now": START + 110,
    }
