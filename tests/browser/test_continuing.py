"""A failed notebook opened in its live kernel, fixed and continued, in JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from weekly import FIXED, fill

ACTIVATE = """title => {
    const { shell } = window.jupyterapp;
    const widget = [...shell.widgets('main')].find(one => one.title.label.startsWith(title));
    shell.activateById(widget.id);
}"""
IN_FRONT = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    return { title: panel.title.label, cell: panel.content.activeCell.model.id };
}"""


def type_cell(page: Any, source: str) -> None:
    """Replace the active cell's source by typing."""
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def test_look_inside_fix_and_continue(
    lab: Any, page: Any, open_notebook: Any, run_all: Callable[[Any], None], shots: Path
) -> None:
    folder = lab.root / "weekly"
    folder.mkdir()
    fill(folder)
    cells = [lab.code("%load_ext flowbook"), lab.code("%flow run weekly/flow.yaml", id="two")]
    panel = open_notebook(lab.notebook("main.ipynb", cells))
    run_all(page)
    run = panel.locator(".fb-Run")
    run.get_by_text("report failed in cell 9 of 12").wait_for()
    run.scroll_into_view_if_needed()
    page.screenshot(path=shots / "continue-1-failed.png")
    run.get_by_role("button", name="Open in panel").click()
    side = page.locator(".fb-Side")
    side.get_by_role("button", name="Open in live kernel").wait_for()
    kernels = side.get_by_role("region", name="Live kernels")
    kernels.get_by_role("button", name="weekly · report").wait_for()
    page.screenshot(path=shots / "continue-1-sidebar.png")

    run.get_by_role("button", name="Open in live kernel").click()
    page.wait_for_function(f"({IN_FRONT})().title.startsWith('report-')")
    page.wait_for_function(f"({IN_FRONT})().cell === 'cell-9'")
    copy = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    copy.get_by_text("division by zero").first.wait_for()
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:insert-cell-above')")
    type_cell(page, "n, words, table.shape")
    page.keyboard.press("Shift+Enter")
    copy.get_by_text("(0, ['a', 'b'], (3, 2))").wait_for()
    page.wait_for_function(f"({IN_FRONT})().cell === 'cell-9'")
    type_cell(page, FIXED)
    page.screenshot(path=shots / "continue-2-live.png")
    listed = page.evaluate(
        "async () => (await (await fetch('/api/kernels')).json()).map(kernel => kernel.name)"
    )
    assert listed.count("python3") == 2

    page.evaluate(ACTIVATE, "main")
    run.get_by_role("button", name="Continue from cell 9").click()
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_text("notify").wait_for()
    dialog.get_by_role("button", name="Continue").click()
    run.get_by_role("treeitem", name="publish, success").wait_for()
    run.get_by_text("Success", exact=False).first.wait_for()
    page.screenshot(path=shots / "continue-3-finished.png")
    side.get_by_role("button", name="Open in live kernel").wait_for(state="detached")
    kernels.wait_for(state="detached")

    assert (folder / "runs.txt").read_text() == "report\n"
    assert (folder / "published.txt").read_text() == "once\n"
