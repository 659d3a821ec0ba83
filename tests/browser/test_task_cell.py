"""`%%task` in JupyterLab: its flow is called like the notebook, its plot appears under it, Kill ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

LOAD = '%%task load --outputs frame\nframe = [{"n": n * n} for n in range(12)]\n'
PLOT = """\
%%task plot
import matplotlib.pyplot as plt

plt.figure(figsize=(6, 2))
plt.bar(range(12), [row["n"] for row in frame])
plt.show()
"""
TOTAL = '%%task total -o run\nsum(row["n"] for row in frame)\n'
SLOW = "%%task slow --flow patient -o slow\nimport time\nreached = True\ntime.sleep(600)\n"


def test_cells_become_tasks_of_the_notebooks_flow(
    lab: Any,
    page: Any,
    open_notebook: Callable[..., Any],
    run_all: Callable[[Any], None],
    shots: Path,
) -> None:
    sources = ["%load_ext flowbook", LOAD, PLOT, TOTAL, "%flow run my-prep", "print('done', 1 + 1)"]
    cells = [lab.code(source, id=f"c{number}") for number, source in enumerate(sources)]
    panel = open_notebook(lab.notebook("My Prep.ipynb", cells))
    run_all(page)

    panel.get_by_text("notebook.my-prep: load → plot, by frame").wait_for(timeout=90_000)
    panel.get_by_text("notebook.my-prep: load → total, by frame").wait_for()
    panel.get_by_text("done 2", exact=True).wait_for(timeout=60_000)
    whole = panel.locator(".jp-Cell").nth(4)
    assert whole.locator(".fb-Run [data-state='success']").count() >= 3
    assert whole.locator(".jp-RenderedImage img").count() == 1
    assert whole.get_by_text("506", exact=True).count() == 1
    panel.screenshot(path=shots / "task-cells.png")
    whole.scroll_into_view_if_needed()
    panel.screenshot(path=shots / "task-cells-run.png")


def test_kill_interrupts_the_code_of_a_task(
    lab: Any, page: Any, open_notebook: Callable[..., Any], run_all: Callable[[Any], None]
) -> None:
    sources = ["%load_ext flowbook", SLOW]
    cells = [lab.code(source, id=f"c{number}") for number, source in enumerate(sources)]
    panel = open_notebook(lab.notebook("slow.ipynb", cells))
    run_all(page)
    run = panel.locator(".fb-Run")

    run.locator("[data-key='slow'][data-state='running']").wait_for(timeout=90_000)
    run.get_by_role("button", name="Kill").click()
    run.get_by_text("Kill 1 running task?").wait_for()
    run.get_by_role("button", name="Kill").click()
    panel.get_by_text("notebook.patient killed").first.wait_for()
    run.locator("[data-key='slow'][data-state='killed']").wait_for()
