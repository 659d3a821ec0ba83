"""`scripts.python.Script`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

from flowbook.kinds.part import Example
from flowbook.plugin.scripts.family import InlineScriptTask


class Script(InlineScriptTask):
    """Run a Python program that stands in the flow."""

    image: ClassVar[str] = "python:3-slim"
    extension: ClassVar[str] = ".py"

    python_path: str | None = None
    """The interpreter; the one flowbook runs on if left out."""

    def command(self) -> Sequence[str]:
        return (self.python_path or sys.executable,)


TOTAL = Example(
    title="Add up a column and hand the total on",
    logs=("7",),
    outputs={"work": {"exitCode": 0, "vars": {"total": 7}}},
    flow="""
id: add-up
namespace: demo
tasks:
  - id: work
    type: io.kestra.plugin.scripts.python.Script
    inputFiles:
      in.csv: |
        n
        3
        4
    outputFiles: ["*.txt"]
    script: |
      import csv, json, pathlib
      total = sum(int(row["n"]) for row in csv.DictReader(open("in.csv")))
      pathlib.Path("total.txt").write_text(str(total))
      print("::" + json.dumps({"outputs": {"total": total}}) + "::")
  - {id: show, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.work.vars.total }}"}
""",
)
