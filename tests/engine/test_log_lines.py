"""Lines of a log as they are kept: split, cleaned, masked as a whole, from a level up."""

from __future__ import annotations

from pathlib import Path

import flowbook as fb

SECRET = "boundary-secret"
FLOW = """
id: lines
namespace: tests
inputs: [{id: token, type: SECRET}]
tasks:
  - {id: long, type: Log, message: "{% for i in range(1, 1023) %}0123456789{% endfor %}{{ inputs.token }} end"}
  - id: odd
    type: io.kestra.plugin.scripts.shell.Commands
    commands: ["printf 'a\\\\0b\\\\377c\\\\n'"]
  - {id: quiet, type: Log, message: hidden, level: INFO, logLevel: WARN}
  - {id: loud, type: Log, message: shown, level: ERROR, logLevel: WARN}
"""


def test_lines_are_split_cleaned_and_masked(tmp_path: Path) -> None:
    with fb.open(tmp_path) as workspace:
        run = workspace.run(FLOW, {"token": SECRET})
        lines = {task: [line["message"] for line in run.logs(task=task)] for task in run_tasks(run)}
    long = [line for line in lines["long"] if line[0] == "0" or line.endswith("nd")]
    assert [len(line) for line in long] == [10 * 1024, 2]
    assert "".join(long).endswith("0123456789******** end")
    assert "a\ufffdb\ufffdc" in lines["odd"]
    assert "hidden" not in lines["quiet"]
    assert "shown" in lines["loud"]


def run_tasks(run: fb.Run) -> list[str]:
    return [one.task_id for one in run.task_runs]
