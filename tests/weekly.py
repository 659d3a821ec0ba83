"""A flow of three notebooks whose second fails in cell 9 of 12."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FLOW = """
id: weekly
namespace: demo
tasks:
  - {id: prepare, type: flowbook.jupyter.Notebook, path: prepare.ipynb}
  - {id: report, type: flowbook.jupyter.Notebook, path: report.ipynb}
  - {id: publish, type: flowbook.jupyter.Notebook, path: publish.ipynb}
errors:
  - {id: notify, type: io.kestra.plugin.core.log.Log, message: "{{ errorLogs() | length }} errors"}
"""
REPORT = [
    "import flowbook as fb",
    "n = 0",
    "words = ['a', 'b']",
    "open('runs.txt', 'a').write('report\\n')",
    "fb.outputs(early=1)",
    "print('six')",
    "import numpy as np; table = np.ones((3, 2))",
    "total = 8",
    "share = 1 / n",
    "print('ten', share)",
    "fb.outputs(share=share)",
    "print('twelve')",
]
FIXED = "share = 1 / max(n, 1)"


def notebook(*cells: str) -> dict[str, Any]:
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": source.splitlines(keepends=True),
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(cells, 1)
    ]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made}


def fill(folder: Path) -> Path:
    """Put flow and notebooks into a folder; the flow's file."""
    for name, cells in (
        ("prepare", ["print('ready')"]),
        ("report", REPORT),
        ("publish", ["open('published.txt', 'a').write('once\\n')"]),
    ):
        text = json.dumps(notebook(*cells), indent=1, ensure_ascii=False)
        (folder / f"{name}.ipynb").write_text(text + "\n")
    (folder / "flow.yaml").write_text(FLOW)
    return folder / "flow.yaml"


def fix(copy: Path) -> None:
    """Edit cell 9 of an opened copy and leave a scratch cell in it, as somebody at work would."""
    document = json.loads(copy.read_text())
    nine = next(cell for cell in document["cells"] if cell["id"] == "cell-9")
    nine["source"] = [FIXED]
    scratch = {**nine, "id": "scratch-1", "source": ["n = 4"], "outputs": []}
    document["cells"].insert(8, scratch)
    copy.write_text(json.dumps(document))


def source_of(folder: Path, cell: int) -> str:
    document = json.loads((folder / "report.ipynb").read_text())
    return "".join(document["cells"][cell - 1]["source"])
