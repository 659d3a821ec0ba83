"""A host in a process of its own: runs the flow of a file in a workspace and says what happens."""

from __future__ import annotations

import sys
from pathlib import Path

import flowbook as fb


def main(folder: str, flow: str) -> None:
    with fb.open(folder) as workspace:
        run = workspace.run(Path(flow), wait=False)
        print(run.id, flush=True)
        for line in sys.stdin:
            if line.strip() == "end":
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
