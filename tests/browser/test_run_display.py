"""The display of a run in a notebook: saved, trusted or not, and live."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbook.views.run import MIME

Bundle = Callable[..., dict[str, Any]]
Open = Callable[[str], Any]

FLOW = """%%flow -o weather
id: seattle-weather
tasks:
  - {id: download, type: core.http.Download, uri: "{{ inputs.source }}"}
  - id: summary
    type: core.log.Log
    message: "{{ outputs.monthly.rows | length }} months"  # said once
"""


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_saved_run_shows_its_final_picture(
    lab: Any, page: Any, open_notebook: Open, trusted: bool, bundle: Bundle
) -> None:
    path = lab.notebook(
        f"saved-{trusted}.ipynb", [lab.code(FLOW, bundle("failed"))], trusted=trusted
    )
    panel = open_notebook(path)
    run = panel.locator(".fb-Run")
    run.get_by_role("treeitem", name="report, failed, failed in cell 9 of 12").wait_for()
    assert run.locator(".fb-Failure").inner_text().startswith("report failed in cell 9 of 12")
    assert (
        run.locator(".fb-mod-here").inner_text()
        == '▸ 3\nbottom.bar(monthly.groups, monthly["rain"].sum())'
    )
    assert run.get_by_role("button", name="Kill").count() == 0


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_html_survives_without_the_extension(
    lab: Any, page: Any, open_notebook: Open, shots: Path, trusted: bool, bundle: Bundle
) -> None:
    data = bundle("failed")
    del data[MIME]
    path = lab.notebook(f"html-{trusted}.ipynb", [lab.code(FLOW, data)], trusted=trusted)
    panel = open_notebook(path)
    picture = panel.locator(".jp-OutputArea-output img")
    picture.wait_for()
    assert (
        page.evaluate("img => img.decode().then(() => img.naturalWidth)", picture.element_handle())
        > 1000
    )
    assert panel.locator(".jp-OutputArea-output tbody tr").count() == 6
    panel.locator(".jp-OutputArea").screenshot(path=shots / f"html-{trusted}.png")


STEPS = """
import json, time
from pathlib import Path
from IPython.display import display
bundles = json.loads(Path("bundles.json").read_text())
handle = None
for number, bundle in enumerate(bundles):
    now = time.time()
    bundle["application/vnd.flowbook.run+json"]["now"] = now
    bundle["application/vnd.flowbook.run+json"]["started"] = now - 35
    if handle is None:
        handle = display(bundle, raw=True, display_id=True)
    else:
        handle.update(bundle, raw=True)
    while not Path(f"step-{number}").exists():
        time.sleep(0.02)
"""


def test_graph_changes_while_the_cell_runs(
    lab: Any, page: Any, open_notebook: Open, bundle: Bundle, run_all: Callable[[Any], None]
) -> None:
    bundles = [bundle("running"), bundle("failed"), bundle("success")]
    (lab.root / "bundles.json").write_text(json.dumps(bundles))
    panel = open_notebook(lab.notebook("live.ipynb", [lab.code(STEPS)]))
    run_all(page)
    run = panel.locator(".fb-Run")
    run.get_by_role("treeitem", name="report, running, cell 7 of 12").wait_for(timeout=60_000)
    prompt = panel.locator(".jp-InputPrompt").first
    assert prompt.inner_text() == "[*]:"
    before = run.locator(".fb-Run-clock b").inner_text()
    page.wait_for_function(
        "before => document.querySelector('.fb-Run-clock b').textContent !== before", arg=before
    )
    node = run.locator("[data-key='analyse/report']").element_handle()
    (lab.root / "step-0").touch()
    run.locator("[data-key='analyse/report'][data-state='failed']").wait_for()
    assert prompt.inner_text() == "[*]:"
    assert node.evaluate("node => node.isConnected"), "the node itself stays"
    (lab.root / "step-1").touch()
    run.locator("[data-key='summary'][data-state='success']").wait_for()
    assert run.locator(".fb-Output td").first.inner_text() == "2012-01"
    assert run.locator(".fb-Failure").count() == 0
    (lab.root / "step-2").touch()


@pytest.fixture
def running_now(bundle: Bundle) -> dict[str, Any]:
    data = bundle("running")
    data[MIME] |= {"now": time.time(), "started": time.time() - 35}
    return data


def test_kill_asks_inline_and_goes_by_rest(
    lab: Any, page: Any, open_notebook: Open, running_now: dict[str, Any]
) -> None:
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(
            f"{route.request.method} {route.request.url.partition('/flowbook')[2].partition('?')[0]}"
        )
        route.fulfill(status=202, body="")

    page.route("**/flowbook/api/v1/main/executions/*/kill*", answer)
    run = open_notebook(lab.notebook("kill.ipynb", [lab.code(FLOW, running_now)])).locator(
        ".fb-Run"
    )
    run.get_by_role("button", name="Kill").click()
    assert run.locator(".fb-Kill").inner_text().split("\n")[0] == "Kill 5 running tasks?"
    run.get_by_role("button", name="Keep").press("Escape")
    run.get_by_role("button", name="Kill").click()
    run.get_by_role("button", name="Kill").click()
    run.get_by_text("Killing…").wait_for()
    assert asked == ["DELETE /api/v1/main/executions/7Kx2mQbP4Lw9ZrT8sVnJ1c/kill"]


def test_kill_without_the_server_part_says_so(
    lab: Any, page: Any, open_notebook: Open, running_now: dict[str, Any]
) -> None:
    page.route("**/flowbook/**", lambda route: route.fulfill(status=404, body="<html>"))
    run = open_notebook(lab.notebook("alone.ipynb", [lab.code(FLOW, running_now)])).locator(
        ".fb-Run"
    )
    run.get_by_role("button", name="Kill").click()
    run.get_by_role("button", name="Kill").click()
    run.get_by_text("flowbook's server part isn't running: interrupt the kernel instead").wait_for()


def test_run_saved_while_it_ran_has_a_still_clock(
    lab: Any, page: Any, open_notebook: Open, bundle: Bundle
) -> None:
    page.route(
        "**/flowbook/api/v1/main/executions/*",
        lambda route: route.fulfill(json={"id": "x", "state": {"current": "SUCCESS"}}),
    )
    old = lab.code(FLOW, bundle("running"))
    run = open_notebook(lab.notebook("old.ipynb", [old])).locator(".fb-Run")
    run.get_by_text("0:35 Saved while it ran; it ended success").wait_for()
    assert run.get_by_role("button", name="Kill").count() == 0


def test_graph_is_walked_by_keyboard(
    lab: Any, page: Any, open_notebook: Open, bundle: Bundle
) -> None:
    run = open_notebook(lab.notebook("keys.ipynb", [lab.code(FLOW, bundle("success"))])).locator(
        ".fb-Run"
    )
    tree = run.get_by_role("tree")
    tree.locator("[data-key='download']").focus()
    for key in ("ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    group = tree.locator("[data-key='analyse']")
    assert group.get_attribute("aria-expanded") == "false"
    assert group.get_attribute("aria-selected") == "true"
    assert tree.locator("[data-key='analyse/report']").count() == 0
    assert run.locator(".fb-Run-now").inner_text().startswith("analyse core.flow.Parallel")
    page.keyboard.press("Escape")
    assert run.locator(".fb-Run-now").is_hidden()


def test_flow_cells_are_yaml(lab: Any, page: Any, open_notebook: Open) -> None:
    cells = [lab.code(FLOW), lab.code("import os", id="two")]
    panel = open_notebook(lab.notebook("yaml.ipynb", cells))
    mimes = """() => {
        const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
        return [...cells].map(cell => cell.mimeType).join();
    }"""
    page.wait_for_function(f"({mimes})() === 'text/x-flowbook-flow,text/x-ipython'")
    panel.locator(".cm-line span", has_text="tasks").first.wait_for()
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.cells.get(0).sharedModel.setSource('x = 1')"
    )
    page.wait_for_function(f"({mimes})() === 'text/x-ipython,text/x-ipython'")


@pytest.mark.parametrize("name", ["running", "failed", "success"])
def test_picture(
    lab: Any,
    page: Any,
    open_notebook: Open,
    theme: Callable[[Any, str], None],
    shots: Path,
    name: str,
    bundle: Bundle,
    running_now: dict[str, Any],
) -> None:
    """Screenshots in both themes, to be looked at; nothing may overflow the output."""
    more = {"variable": "weather"} if name == "success" else {}
    data = bundle(name, **more)
    if name == "running":
        data = running_now
        data[MIME]["at"]["since"] = data[MIME]["now"] - 4
    panel = open_notebook(lab.notebook(f"picture-{name}.ipynb", [lab.code(FLOW, data)]))
    run = panel.locator(".fb-Run")
    run.locator("[data-key='summary']").wait_for()
    for mode in ("dark", "light"):
        theme(page, mode)
        panel.locator(".jp-Cell").first.screenshot(path=shots / f"run-{name}-{mode}.png")
    assert run.evaluate("node => node.scrollWidth <= node.clientWidth")
