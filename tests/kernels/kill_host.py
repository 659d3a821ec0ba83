"""A host in a process of its own: runs the flow again for every line it is told, and says the id."""

from __future__ import annotations

import sys
from pathlib import Path

import flowbook as fb


def main(folder: str, flow: str) -> None:
    with fb.open(folder) as workspace:
        for _ in sys.stdin:
            run = workspace.run(Path(flow), wait=False)
            print(run.id, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
