"""A real `%%flow` cell in JupyterLab: live while it runs, killed by its button, there when reopened."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Open = Callable[..., Any]
FLOW = """\
%%flow -o run
id: {id}
tasks:
  - {{id: first, type: core.flow.Sleep, duration: {first}}}
  - id: both
    type: core.flow.Parallel
    tasks:
      - {{id: left, type: core.flow.Sleep, duration: {second}}}
      - {{id: right, type: core.debug.Return, format: done}}
  - {{id: last, type: core.log.Log, message: "{{{{ outputs.right.value }}}}"}}
"""


def cells(lab: Any, id: str, first: str, second: str) -> list[dict[str, Any]]:
    return [
        lab.code("%load_ext flowbook", id="load"),
        lab.code(FLOW.format(id=id, first=first, second=second), id="flow"),
        lab.code("print(run.state)", id="after"),
    ]


def test_the_graph_changes_while_the_cell_runs(
    lab: Any, page: Any, open_notebook: Open, run_all: Callable[[Any], None], shots: Path
) -> None:
    panel = open_notebook(lab.notebook("real.ipynb", cells(lab, "real", "PT8S", "PT3S")))
    run_all(page)
    run = panel.locator(".fb-Run")
    prompt = panel.locator(".jp-InputPrompt").nth(1)

    run.locator("[data-key='first'][data-state='running']").wait_for(timeout=90_000)
    assert prompt.inner_text() == "[*]:"
    run.locator("[data-key='both/left'][data-state='running']").wait_for()
    run.locator("[data-key='first'][data-state='success']").wait_for()
    assert prompt.inner_text() == "[*]:"
    panel.screenshot(path=shots / "flow-cell-running.png")
    run.locator("[data-key='last'][data-state='success']").wait_for()
    panel.get_by_text("SUCCESS", exact=True).wait_for()
    assert run.count() == 1
    assert run.get_by_role("button", name="Kill").count() == 0
    panel.screenshot(path=shots / "flow-cell-success.png")


def test_kill_ends_the_flow_of_a_cell_that_waits(
    lab: Any, page: Any, open_notebook: Open, run_all: Callable[[Any], None], shots: Path
) -> None:
    panel = open_notebook(lab.notebook("killed.ipynb", cells(lab, "killed", "PT1S", "PT120S")))
    run_all(page)
    run = panel.locator(".fb-Run")
    run.locator("[data-key='both/left'][data-state='running']").wait_for(timeout=90_000)

    run.get_by_role("button", name="Kill").click()
    run.locator(".fb-Kill").get_by_role("button", name="Kill").click()

    run.locator("[data-key='both/left'][data-state='killed']").wait_for()
    panel.get_by_text("notebook.killed killed").wait_for()
    panel.screenshot(path=shots / "flow-cell-killed.png")


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_a_saved_notebook_shows_the_end_without_a_kernel(
    lab: Any,
    page: Any,
    open_notebook: Open,
    run_all: Callable[[Any], None],
    shots: Path,
    trusted: bool,
) -> None:
    name = f"kept-{trusted}.ipynb"
    panel = open_notebook(
        lab.notebook(name, cells(lab, f"kept-{trusted}".lower(), "PT0.2S", "PT2S"))
    )
    run_all(page)
    panel.get_by_text("SUCCESS", exact=True).wait_for(timeout=90_000)
    page.evaluate(
        """async () => {
            const app = window.jupyterapp, panel = app.shell.currentWidget;
            await app.commands.execute('docmanager:save');
            await panel.sessionContext.shutdown();
            await panel.context.ready;
            panel.dispose();
        }"""
    )
    saved = json.loads((lab.root / name).read_text())
    outputs = json.dumps(saved["cells"][1]["outputs"])
    assert "widget-view" not in outputs
    copy = f"again-{trusted}.ipynb"
    lab.notebook(copy, saved["cells"], trusted=trusted)

    panel = open_notebook(copy, kernel=False)
    run = panel.locator(".fb-Run")

    run.locator("[data-key='last'][data-state='success']").wait_for()
    assert run.get_by_role("button", name="Kill").count() == 0
    assert not page.evaluate("() => !!window.jupyterapp.shell.currentWidget.sessionContext.session")
    panel.screenshot(path=shots / f"flow-cell-{copy}.png")
