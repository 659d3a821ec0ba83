"""A `%%flow` cell from its run to its end, with the real kernel, server and history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

FLOW = """%%flow -o run
id: slow
namespace: browser
tasks:
  - {id: first, type: core.log.Log, message: "one"}
  - id: each
    type: core.flow.ForEach
    values: [a, b, c]
    tasks:
      - {id: say, type: core.log.Log, message: "{{ taskrun.value }}"}
  - {id: wait, type: core.flow.Sleep, duration: PT2M}
  - {id: last, type: core.log.Log, message: "never"}
"""


def test_flow_runs_live_and_is_killed_from_its_display(
    lab: Any, fresh_page: Any, run_all: Callable[[Any], None], shots: Path
) -> None:
    page = fresh_page
    cells = [lab.code("%load_ext flowbook"), lab.code(FLOW, id="two")]
    path = lab.notebook("flow.ipynb", cells)
    page.evaluate("path => window.jupyterapp.commands.execute('docmanager:open', {path})", path)
    panel = page.locator(".jp-NotebookPanel")
    panel.locator(".jp-Cell").first.wait_for()
    run_all(page)
    run = panel.locator(".fb-Run")
    run.locator("[data-key='wait'][data-state='running']").wait_for(timeout=90_000)
    assert run.locator("[data-key='each']").get_attribute("aria-label") == (
        "each, ForEach, success, 3 of 3"
    )
    run.get_by_role("button", name="Open in panel").click()
    side = page.locator("#flowbook-sidebar")
    running = side.get_by_role("region", name="Running").locator("li", has_text="slow")
    running.wait_for()
    page.screenshot(path=shots / "flow-cell.png")
    run.get_by_role("button", name="Kill").click()
    run.get_by_role("button", name="Kill").click()
    run.locator(".fb-Run-head [data-state='killed']").wait_for(timeout=30_000)
    running.wait_for(state="detached")
    ended = side.get_by_role("region", name="Executions")
    ended.get_by_role("button", name="killed slow").wait_for()
    assert run.locator("[data-key='wait']").get_attribute("data-state") == "killed"
    page.screenshot(path=shots / "flow-cell-killed.png")
