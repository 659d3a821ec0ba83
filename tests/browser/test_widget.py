"""The anywidget, for front ends without our extension: drawn and killed while its cell blocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowbook.views.run import MIME

CELL = """
import json, threading, time
from IPython.display import display
from flowbook.hosts.kernel.widget import VIEW, widget
killed = threading.Event()
asked = []
def kill(id):
    asked.append(id)
    killed.set()
shown = widget(kill)
run = json.load(open("widget.json"))
run |= {"now": time.time(), "started": time.time() - 35}
shown.update(run)
display({VIEW: shown.view}, raw=True)
assert killed.wait(60)
shown.update({**run, "state": "killed", "ended": time.time()})
print("killed", *asked)
"""


def test_widget_is_live_while_its_cell_blocks(
    lab: Any,
    page: Any,
    open_notebook: Callable[[str], Any],
    bundle: Callable[..., dict[str, Any]],
    run_all: Callable[[Any], None],
    shots: Path,
) -> None:
    (lab.root / "widget.json").write_text(json.dumps(bundle("running")[MIME]))
    panel = open_notebook(lab.notebook("widget.ipynb", [lab.code(CELL)]))
    run_all(page)
    run = panel.locator(".fb-Widget .fb-Run")
    run.get_by_role("treeitem", name="report, running, cell 7 of 12").wait_for(timeout=60_000)
    run.screenshot(path=shots / "widget.png")
    run.get_by_role("button", name="Kill").click()
    run.get_by_role("button", name="Kill").click()
    panel.get_by_text("killed 7Kx2mQbP4Lw9ZrT8sVnJ1c").wait_for()
    assert panel.locator(".jp-InputPrompt").first.inner_text() == "[1]:"
    run.locator(".fb-Run-head [data-state='killed']").wait_for()
