"""An executed notebook is opened from its run's display, as it is kept, to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

FLOW = """%%flow
id: broken
tasks:
  - {id: report, type: flowbook.jupyter.Notebook, path: broken.ipynb, keepKernel: NEVER}
"""
IN_FRONT = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    return {
        path: panel.context?.path ?? '',
        writable: panel.context?.contentsModel?.writable,
        kernel: panel.sessionContext?.session?.kernel?.id ?? null,
        cell: panel.content?.activeCell?.model.id,
    };
}"""


def test_a_failed_one_is_opened_as_it_is_kept(
    lab: Any, page: Any, open_notebook: Any, run_all: Callable[[Any], None], shots: Path
) -> None:
    lab.notebook("broken.ipynb", [lab.code("print('before')"), lab.code("n = 0\n1 / n", id="two")])
    cells = [lab.code("%load_ext flowbook"), lab.code(FLOW, id="two")]
    panel = open_notebook(lab.notebook("executed.ipynb", cells))
    run_all(page)
    run = panel.locator(".fb-Run")
    run.get_by_role("button", name="Open executed notebook").wait_for()
    assert run.locator(".fb-Run-now").inner_text().startswith("report, cell 2, line 2\n1 / n")
    run.scroll_into_view_if_needed()
    page.screenshot(path=shots / "executed-1.png")

    run.get_by_role("button", name="Open executed notebook").click()
    page.wait_for_function(f"({IN_FRONT})().path.startsWith('flowbook:notebook/broken/')")
    copy = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    copy.get_by_text("ZeroDivisionError").first.wait_for()
    copy.get_by_text("before", exact=True).wait_for()
    page.screenshot(path=shots / "executed-2.png")
    page.wait_for_function(f"({IN_FRONT})().cell === 'two'")
    front = page.evaluate(IN_FRONT)
    assert (front["writable"], front["kernel"]) == (False, None)
    assert front["path"].endswith("/broken.ipynb")
    assert page.locator(".jp-Dialog").count() == 0
