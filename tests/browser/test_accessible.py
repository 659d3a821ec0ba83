"""axe finds nothing in our parts, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.skipif(
    not AXE.is_file(), reason="axe-core isn't installed: cd labextension && jlpm"
)

LOOK = """async selector => {
    const found = await axe.run(selector, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']});
    return found.violations.map(v => `${v.id}: ${v.nodes[0].html} ${v.nodes[0].failureSummary}`);
}"""


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["running", "failed", "success"])
def test_run(
    lab: Any,
    page: Any,
    open_notebook: Callable[[str], Any],
    theme: Callable[[Any, str], None],
    bundle: Callable[..., dict[str, Any]],
    name: str,
    mode: str,
) -> None:
    theme(page, mode)
    saved = lab.code("%%flow", bundle(name, variable="weather"))
    panel = open_notebook(lab.notebook(f"axe-{name}.ipynb", [saved]))
    panel.locator(".fb-Run [data-key='summary']").wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(LOOK, ".fb-Run") == []


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_sidebar(
    context: Any, fresh_page: Any, theme: Callable[[Any, str], None], mode: str
) -> None:
    flows = [{"id": "f", "namespace": "n"}]
    state = {"current": "FAILED", "startDate": "2026-01-01T00:00:00Z"}
    runs = [{"id": "r", "flowId": "f", "namespace": "n", "state": state}]
    found = {"results": flows, "total": 1}
    context.route("**/flows/search*", lambda route: route.fulfill(json=found))
    ran = {"results": runs, "total": 1}
    context.route("**/executions/search*", lambda route: route.fulfill(json=ran))
    theme(fresh_page, mode)
    fresh_page.evaluate("() => window.jupyterapp.commands.execute('flowbook:reveal', {id: 'r'})")
    fresh_page.locator(".fb-Side-detail").wait_for()
    fresh_page.evaluate(AXE.read_text(encoding="utf-8"))
    assert fresh_page.evaluate(LOOK, "#flowbook-sidebar") == []
