"""A host in a process of its own that does to a workspace what it is told, line by line.

A line is `{"do": "run", "with": […], "and": {…}}`, a method of the workspace; the answer is an execution's id.
"""

from __future__ import annotations

import json
import sys

import flowbook as fb


def main(folder: str) -> None:
    with fb.open(folder) as workspace:
        print("ready", flush=True)
        for line in sys.stdin:
            told = json.loads(line)
            made = getattr(workspace, told["do"])(*told.get("with", ()), **told.get("and", {}))
            print(json.dumps(getattr(made, "id", None)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
