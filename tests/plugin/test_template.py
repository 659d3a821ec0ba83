"""Tasks of a template run where it is named, and are seen there."""

from __future__ import annotations

from pathlib import Path

import flowbook as fb
from flowbook.kinds.state import State

GREETING = """
id: greeting
namespace: tests
tasks:
  - {id: hello, type: io.kestra.plugin.core.debug.Return, format: "Hello {{ parent.outputs.args.name }}"}
  - {id: block, type: io.kestra.plugin.core.flow.Sequential, tasks: [{id: deep, type: Log, message: x}]}
"""
FLOW = """
id: greets
namespace: tests
tasks:
  - {id: greet, type: io.kestra.plugin.core.flow.Template, templateId: greeting, args: {name: Ada}}
"""


def test_its_tasks_are_shown_inside_it(tmp_path: Path) -> None:
    with fb.open(tmp_path, embedded=True) as workspace:
        workspace.deploy(GREETING)
        run = workspace.run(FLOW)
        assert run["hello"].outputs == {"value": "Hello Ada"}
        shown = workspace.view(run.id).bundle()["text/plain"]
        assert "Template · 2 of 2" in shown
        assert shown.index("greet") < shown.index("hello") < shown.index("deep")


def test_a_template_that_is_not_there_fails_the_task(tmp_path: Path) -> None:
    with fb.open(tmp_path, embedded=True) as workspace:
        run = workspace.run(FLOW)
        assert run.state is State.FAILED
        assert run.error is not None
        assert run.error["message"].startswith("Unable to find template 'tests.greeting': deploy")
