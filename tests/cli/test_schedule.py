"""A notebook scheduled from a terminal: a small readable flow in `flows/`, deployed."""

from __future__ import annotations

import pytest

from flowbook import demo

from .conftest import Terminal


@pytest.mark.slow
def test_a_notebook_gets_a_flow_that_fires(flowbook: Terminal) -> None:
    notebook = flowbook.write("ws/reports/report.ipynb", (demo.FILES / demo.NOTEBOOK).read_text())
    done = flowbook(
        "notebooks", "schedule", str(notebook), "--cron", "0 7 * * 1-5",
        "--timezone", "Europe/Paris", "-i", "year=2013",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    trigger = flowbook.json("triggers", "list")[0]
    assert (trigger["cron"], trigger["zone"], trigger["problem"]) == (
        "0 7 * * 1-5",
        "Europe/Paris",
        None,
    )
    text = flowbook("flows", "get", trigger["flow"]).stdout
    assert "year: 2013" in text
    assert list((flowbook.folder / "ws/flows").glob("*.yaml"))
    wrong = flowbook("notebooks", "schedule", str(notebook), "--cron", "0 25 * * *")
    assert wrong.returncode == 1
    assert "25" in wrong.stderr
